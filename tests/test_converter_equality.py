"""What quantcli writes at F32 and BF16 against llama.cpp's converter, frozen by
scripts/freeze_converter.py: every tensor equal to the bit, every key equal but those listed here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
from gguf_digest import digest

import quantcli

FIXTURES = Path(__file__).parent / "fixtures" / "converter"
TYPES = ("f32", "bf16")

# Keys of quantcli's own; the converter has nothing like them.
OWN = "quantcli."

# What quantcli writes beyond the converter, because the file would compute something else without
# it; tests/arch/test_computation.py holds each against transformers in llama.cpp.
BEYOND: dict[str, set[str]] = {
    # A classifier's score passes through the pooler, which the converter drops: llama.cpp has it
    # as the layer before cls.output.
    "bert_classifier": {"cls.weight", "cls.bias", "general.size_label"},
    # llama.cpp computes yarn_attn_factor anew and multiplies by this key only.
    "qwen2": {"qwen2.rope.scaling.attn_factor"},
}


def frozen(name: str, kind: str) -> dict[str, Any]:
    path = FIXTURES / f"{name}.{kind}.json"
    if not path.is_file():
        pytest.fail(
            f"nobody has frozen what llama.cpp's converter makes of {name}: run "
            f"`python scripts/freeze_converter.py {name}` where the converter is installed "
            f"(the script says how) and commit tests/fixtures/converter/{path.name}"
        )
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def compare(output: Path, name: str, kind: str) -> None:
    expected, got = frozen(name, kind), digest(output)
    beyond = BEYOND.get(name, set())
    assert beyond <= {*got["tensors"], *got["keys"]}
    assert set(got["tensors"]) - beyond == set(expected["tensors"])
    different = {
        tensor: (got["tensors"][tensor], facts)
        for tensor, facts in expected["tensors"].items()
        if got["tensors"][tensor] != facts
    }
    assert different == {}
    keys = {key: value for key, value in got["keys"].items() if not key.startswith(OWN)}
    both = (
        {key: value for key, value in each.items() if key not in beyond}
        for each in (keys, expected["keys"])
    )
    assert next(both) == next(both)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", sorted(tiny.MODELS))
def test_tiny_checkpoints(
    make_tiny: Callable[..., Path], tmp_path: Path, name: str, kind: str
) -> None:
    output = tmp_path / "out.gguf"
    quantcli.convert(make_tiny(name), kind, output, jobs=1)
    compare(output, name, kind)


def test_every_fixture_is_compared() -> None:
    names = {path.name.rpartition(".")[0].rpartition(".")[0] for path in FIXTURES.glob("*.json")}
    compared = {*tiny.MODELS, "all-minilm-l6-v2", "smollm2-135m-instruct"}
    assert not names - compared, "fixtures of models that tests/tiny.py no longer has"


@pytest.mark.parametrize("kind", TYPES)
def test_all_minilm(minilm: Path, tmp_path: Path, kind: str) -> None:
    output = tmp_path / "out.gguf"
    quantcli.convert(minilm, kind, output, jobs=1)
    compare(output, "all-minilm-l6-v2", kind)


@pytest.mark.parametrize("kind", TYPES)
def test_smollm2(smollm2: Path, tmp_path: Path, kind: str) -> None:
    output = tmp_path / "out.gguf"
    quantcli.convert(smollm2, kind, output, jobs=1)
    compare(output, "smollm2-135m-instruct", kind)
