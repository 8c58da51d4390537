"""What llama.cpp refuses or aborts on, verify reports from the file alone; what is right passes.

How llama.cpp takes each file of the table was frozen by scripts/freeze_relations.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from broken_gguf import BROKEN, UNUSUAL, Change, Value, good_file, keys, make, rewrite, u32, zeros
from llama_child import Child
from llamacpp import LlamaCpp

import quantcli
from quantcli.arch.registry import architectures
from quantcli.container.reader import GgufFile
from quantcli.evaluate.graphs import GRAPHS
from quantcli.evaluate.relations import relation_problems

FIXTURES = Path(__file__).parents[1] / "fixtures"
# Keys and shapes that llama.cpp's converter gave small models of other architectures, which
# llama.cpp then ran.
OTHERS: dict[str, dict[str, Any]] = json.loads(
    (FIXTURES / "architectures.json").read_text(encoding="utf-8")
)
FROZEN: dict[str, str] = json.loads((FIXTURES / "relations.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("relations")


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    child = Child()
    yield child
    child.close()


def problems(path: Path) -> list[str]:
    return [text for _, text in relation_problems(GgufFile(path))]


def test_the_table_is_the_frozen_one() -> None:
    assert set(FROZEN) == {*BROKEN, *UNUSUAL}
    assert {name: FROZEN[name] for name in UNUSUAL} == dict.fromkeys(UNUSUAL, "runs")
    assert sum(ending == "runs" for ending in FROZEN.values()) < 20


@pytest.mark.parametrize("name", BROKEN)
def test_what_llamacpp_does_not_take_is_reported(folder: Path, name: str) -> None:
    row = BROKEN[name]
    assert (FROZEN[name] == "runs") == row.runs
    result = quantcli.verify(make(row.base, row.change, folder), jobs=1)
    assert not result.passed
    assert any(text.startswith(row.said) for text in result.problems), result.problems


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_and_right_passes(folder: Path, name: str) -> None:
    assert quantcli.verify(make(*UNUSUAL[name], folder), jobs=1).problems == ()


@pytest.mark.parametrize(
    "name", ["more blocks than tensors", "a token twice", "no bytes", "experts", "fused q, k and v"]
)
def test_the_frozen_answers_are_those_of_llamacpp(folder: Path, child: Child, name: str) -> None:
    base, change = UNUSUAL[name] if name in UNUSUAL else (BROKEN[name].base, BROKEN[name].change)
    refusal = child.refusal(make(base, change, folder), "generate")
    assert (refusal is None) == (FROZEN[name] == "runs"), refusal


def test_what_is_checked_as_a_whole_is_converted() -> None:
    assert set(GRAPHS) <= {architecture.name for architecture in architectures()}


def test_problems_of_many_blocks_are_one(folder: Path) -> None:
    path = make("llama", keys(llama__feed_forward_length=u32(1)), folder)
    assert problems(path) == [
        f"tensor blk.0.ffn_{name}.weight has 160 {what}; llama.feed_forward_length is 1 "
        "(and 1 more blocks alike)"
        for name, what in (("gate", "rows"), ("up", "rows"), ("down", "columns"))
    ]


# -------------------------------------------------------------------------- other architectures
def other(architecture: str, folder: Path, path: Path, changes: dict[str, Value | None]) -> Path:
    """Write a file of the architecture, with the tokenizer's words made up."""
    record = OTHERS[architecture]
    source = good_file("llama", folder)
    drop = [key for key in GgufFile(source).entries if key.startswith(("llama.", "tokenizer."))]
    texts = [f"<0x{byte:02X}>" for byte in range(256)]
    texts += [f"word{n}" for n in range(256, record["tokens"])]
    change: dict[str, Value | None] = {
        **dict.fromkeys(drop),
        "general.architecture": Value("string", architecture),
        "tokenizer.ggml.model": Value("string", record["tokenizer"]),
        "tokenizer.ggml.tokens": Value("array:string", texts),
        "tokenizer.ggml.merges": Value("array:string", ["a b"]),
        **{key: Value(*value) for key, value in record["keys"].items()},
    }
    texts += ["a", "b", "ab"]
    del texts[256:259]
    arrays = {name: np.zeros(shape, np.float32) for name, shape in record["tensors"].items()}
    no_others = dict.fromkeys(set(GgufFile(source).tensors) - set(arrays))
    rewrite(source, path, Change(change | changes, {**no_others, **arrays}))
    return path


@pytest.mark.parametrize("architecture", OTHERS)
def test_other_architectures_are_not_called_wrong(
    folder: Path, tmp_path: Path, architecture: str
) -> None:
    path = other(architecture, folder, tmp_path / "other.gguf", {})
    assert problems(path) == []
    # ... and what all of them share is checked.
    wrong = {f"{architecture}.block_count": u32(99), f"{architecture}.embedding_length": u32(60)}
    found = problems(other(architecture, folder, tmp_path / "wrong.gguf", dict(wrong)))
    assert any(f"key {architecture}.block_count is 99, but the file has no" in p for p in found)
    assert any("tensor token_embd.weight has 64 columns" in text for text in found)


# ------------------------------------------------------------- files that are no whole models
def test_a_vocabulary_alone_is_checked_as_such(folder: Path, tmp_path: Path) -> None:
    source = good_file("llama", folder)
    no_tensors = dict.fromkeys(GgufFile(source).tensors)
    rewrite(source, tmp_path / "vocab.gguf", Change(tensors=no_tensors))
    assert problems(tmp_path / "vocab.gguf") == []
    change = Change({"tokenizer.ggml.pre": Value("string", "tiny")}, no_tensors)
    rewrite(source, tmp_path / "vocab.gguf", change)
    assert len(problems(tmp_path / "vocab.gguf")) == 1


@pytest.mark.parametrize(
    "change",
    [
        # a projector, an adapter: keys and tensors of their own
        Change(
            {
                "general.type": Value("string", "mmproj"),
                "general.architecture": Value("string", "clip"),
                "tokenizer.ggml.model": None,
            }
        ),
        Change({"general.type": Value("string", "adapter"), "llama.block_count": None}),
        # a shard but the first, which has no keys
        Change(
            {"split.no": Value("uint16", 1), "split.count": Value("uint16", 2)}
            | dict.fromkeys(("general.architecture", "tokenizer.ggml.tokens", "llama.block_count"))
        ),
        # the first shard, which has only some of the tensors
        Change(
            {"split.no": Value("uint16", 0), "split.count": Value("uint16", 2)},
            {"output.weight": None, "blk.1.attn_q.weight": None},
        ),
        # a model without a tokenizer
        keys(tokenizer__ggml__model=Value("string", "none"), tokenizer__ggml__tokens=None),
        # an architecture that llama.cpp does not have
        Change({"general.architecture": Value("string", "unheard-of")}),
    ],
    ids=[
        "projector",
        "adapter",
        "second shard",
        "first shard",
        "no tokenizer",
        "unknown architecture",
    ],
)
def test_what_is_no_whole_model_is_not_held_to_be_one(
    folder: Path, tmp_path: Path, change: Change
) -> None:
    rewrite(good_file("llama", folder), tmp_path / "part.gguf", change)
    assert problems(tmp_path / "part.gguf") == []


def test_what_is_not_known_of_an_architecture_is_noted(folder: Path, tmp_path: Path) -> None:
    assert quantcli.verify(good_file("llama", folder), jobs=1).notes == ()
    change = Change({"general.architecture": Value("string", "gemma3")})
    rewrite(good_file("llama", folder), tmp_path / "other.gguf", change)
    (note,) = quantcli.verify(tmp_path / "other.gguf", jobs=1).notes
    assert note.startswith("architecture gemma3: ")


def test_an_unknown_architecture_still_has_a_row_a_token(folder: Path, tmp_path: Path) -> None:
    change = Change(
        {"general.architecture": Value("string", "unheard-of")}, {"token_embd.weight": zeros(9, 96)}
    )
    rewrite(good_file("llama", folder), tmp_path / "part.gguf", change)
    assert problems(tmp_path / "part.gguf") == [
        "tensor token_embd.weight has 9 rows; the length of tokenizer.ggml.tokens is 280"
    ]


def test_real_models_pass(smollm2: Path, minilm: Path, tmp_path: Path) -> None:
    for number, model in enumerate((smollm2, minilm)):
        output = tmp_path / f"{number}.gguf"
        quantcli.convert(model, "Q8_0", output)
        assert problems(output) == []


# ------------------------------------------------------------------------- beside a checkpoint
def test_keys_that_are_wrong_beside_right_tensors(folder: Path, tmp_path: Path) -> None:
    source = good_file("qwen3", folder)
    wrong = tmp_path / "wrong.gguf"
    rewrite(source, wrong, keys(qwen3__attention__head_count_kv=u32(4)))
    found = quantcli.verify(wrong, folder / "qwen3", jobs=1).problems
    assert "key qwen3.attention.head_count_kv is 4, it should be 2" in found
    assert any(text.startswith("tensor blk.0.attn_k.weight has 64 rows") for text in found)
    assert all(
        check.relative_rmse == 0 for check in quantcli.verify(wrong, folder / "qwen3").tensors
    )


def test_what_should_be_there_is_said_once(folder: Path, tmp_path: Path) -> None:
    source = good_file("llama", folder)
    wrong = tmp_path / "wrong.gguf"
    rewrite(source, wrong, Change({"llama.context_length": None}, {"output_norm.weight": None}))
    assert quantcli.verify(wrong, folder / "llama", jobs=1).problems == (
        "key llama.context_length is missing; it should be 64",
        "tensor output_norm.weight is missing",
    )


def test_a_contradiction_that_the_plan_shares_is_found_all_the_same(
    folder: Path, tmp_path: Path
) -> None:
    """The plan says what the config says; that the two agree does not make the file right."""
    good_file("llama", folder)
    model = folder / "llama"
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    original = json.dumps(config)
    config["rms_norm_eps"] = 0
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    try:
        rewrite(
            good_file("llama", folder),
            tmp_path / "shared.gguf",
            keys(llama__attention__layer_norm_rms_epsilon=Value("float32", 0.0)),
        )
        try:
            found = quantcli.verify(tmp_path / "shared.gguf", model, jobs=1).problems
        except quantcli.QuantcliError as error:  # the plan refuses the config
            found = (str(error),)
    finally:
        (model / "config.json").write_text(original, encoding="utf-8")
    assert any("eps" in text for text in found)


def test_the_unusual_rows_are_run_by_llamacpp(folder: Path) -> None:
    assert LlamaCpp(make(*UNUSUAL["head counts by block"], folder)).generate("a", 3)
