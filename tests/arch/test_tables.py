"""The tables themselves: what holds for every architecture, however many there will be."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, Keys, TensorNameMap, get_tensor_name_map

from quantcli import transform
from quantcli.arch import expand
from quantcli.arch.architecture import Architecture, Key, Row, Stack
from quantcli.arch.expand import architecture_of
from quantcli.arch.facts import Facts
from quantcli.arch.keys import experts
from quantcli.arch.matching import Matcher
from quantcli.arch.naming import canonical_names
from quantcli.arch.outputs import check_outputs, runtime_keys, runtime_tensors
from quantcli.arch.registry import architectures, find, tables
from quantcli.checkpoint import open_checkpoint
from quantcli.checkpoint.source import TensorRef
from quantcli.errors import ArchitectureError
from quantcli.tokenizer import KINDS

TABLES = architectures()
EACH = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
TYPES = {"string", "bool", "uint32", "int32", "float32", "uint64"}


def library_keys(node: Any) -> set[str]:
    """Return every key that the library spells, `{arch}` where it stands for the name."""
    found = set()
    for name, value in vars(node).items():
        if not name.startswith("_"):
            found |= {value} if isinstance(value, str) else library_keys(value)
    return found


def test_the_five_are_there() -> None:
    assert {table.name for table in TABLES} >= {"bert", "gpt2", "llama", "qwen2", "qwen3"}


def test_every_module_of_the_folder_defines_one(tmp_path: Path) -> None:
    import quantcli.arch.families as folder

    assert tables().broken == ()
    modules = {path.stem for path in Path(folder.__path__[0]).glob("[!_]*.py")}
    assert modules == {table.name.replace("-", "_") for table in TABLES}


@EACH
def test_the_name_is_one_that_the_runtime_knows(table: Architecture) -> None:
    assert table.name in runtime_tensors()
    assert all(find(hf, "here") is table for hf in table.hf if hf not in table.partly)
    assert all(find(hf, "here") is not table for hf in table.partly), "another has the rest"
    assert {*table.partly} <= {*table.hf}
    assert table.vocab in KINDS


def test_config_json_tells_architectures_of_one_class_apart() -> None:
    plain = {"architectures": ["XLMRobertaModel"], "model_type": "xlm-roberta"}
    assert architecture_of(plain, Path()).name == "bert"
    assert architecture_of({**plain, "lora_adaptations": ["a"]}, Path()).name == "jina-bert-v3"


@EACH
def test_keys_are_spelled_as_the_library_spells_them(table: Architecture) -> None:
    known = library_keys(Keys) | runtime_keys()
    keys = (*table.keys, *table.vocab_keys)
    assert {key.name for key in keys} <= known
    assert len({key.name for key in keys}) == len(keys)
    assert {key.type.removeprefix("array:") for key in keys} <= TYPES
    assert all(bool(key.fields) != bool(key.derive) for key in keys)


@EACH
def test_tensors_are_named_as_the_library_names_them(
    table: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For every row: where the library knows the checkpoint's name, it gives the same GGUF name.

    What the library does not know (releases after it, tensors taken apart) is held against the
    converter and the model itself in tests/conformance.
    """
    arch = next((arch for arch, name in MODEL_ARCH_NAMES.items() if name == table.name), None)
    if arch is None:
        return  # the library is older than the architecture
    # The library writes what one architecture has of its own into what all share.
    shared = dict(TensorNameMap.block_mappings_cfg)
    monkeypatch.setattr(TensorNameMap, "block_mappings_cfg", shared)
    names = get_tensor_name_map(MODEL_ARCH(arch), 1)
    prefixes = ("", *table.prefixes)
    stacks = (Stack(table.globals, "", ""), *table.layers)
    for stack in stacks:
        inner, outer = (text.replace("{n}", "0") for text in (stack.prefix, stack.block))
        for row in stack.rows:
            for source in row.sources:
                spellings = {
                    names.get_name(prefix + inner + source, try_suffixes=(".weight", ".bias"))
                    for prefix in prefixes
                }
                # The library's name for a classifier is that of its one layer, and it has no word
                # for an output layer copied from the embedding.
                copied = spellings - {None} == {"token_embd.weight"} and row.name == "output.weight"
                own = row.name.partition(".")[0] == "cls" or copied
                if not own and row.op in ("identity", "rope_permute"):
                    # One tensor may become several, or another one in models of another kind.
                    written = [outer + r.name for r in stack.rows if source in r.sources]
                    stems = {w.removesuffix(".weight").removesuffix(".bias") for w in written}
                    assert spellings - {None} <= {*written, *stems}
    assert all(transform.get(row.op) for stack in stacks for row in stack.rows)


# ------------------------------------------------ what later architectures need to be expressible
def spec_names(table: Architecture, shapes: dict[str, tuple[int, ...]], **config: Any) -> Any:
    refs = {
        name: TensorRef(name, "F32", shape, "m.safetensors", 0, 0) for name, shape in shapes.items()
    }
    facts = Facts({"num_hidden_layers": 2, **config}, Path(), shapes, "X")
    names = canonical_names(table, refs, "here")
    return Matcher(facts, names, refs, "here").match(table)


BARE = Architecture("made-up", ("X",), "bpe", (), (), (), prefixes=())


def test_rows_that_apply_to_some_layers_only() -> None:
    rows = (
        Row("ffn_up.weight", ("up",), when=lambda f: f.layer == 0),
        Row("ffn_up_exps.weight", ("moe",), when=lambda f: f.has("layers.{n}.moe")),
    )
    specs = spec_names(
        replace(BARE, layers=(Stack(rows),)), {"layers.0.up": (4, 4), "layers.1.moe": (2, 4, 4)}
    )
    assert [spec.name for spec in specs] == ["blk.0.ffn_up.weight", "blk.1.ffn_up_exps.weight"]


def test_one_source_for_several_rows() -> None:
    rows = tuple(Row(f"attn_{part}.weight", ("qkv",)) for part in "qkv")
    specs = spec_names(
        replace(BARE, layers=(Stack(rows),)), {f"layers.{n}.qkv": (6, 4) for n in (0, 1)}
    )
    assert [spec.sources for spec in specs[:3]] == [("layers.0.qkv",)] * 3
    assert len(specs) == 6


def test_one_source_for_each_expert(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources with {i} are listed in the order of the experts, for a transform that stacks them."""
    stack = transform.Transform(
        "stack",
        lambda shapes, args: (len(shapes), *shapes[0]),
        transform.get("identity").rows,
    )
    monkeypatch.setattr(transform, "get", lambda name: stack)
    row = Row("ffn_up_exps.weight", ("experts.{i}.up",), "stack", each=experts)
    table = replace(BARE, layers=(Stack((row,)),))
    shapes = {f"layers.{n}.experts.{e}.up": (3, 4) for n in (0, 1) for e in range(12)}
    specs = spec_names(table, shapes, num_experts=12)
    assert specs[1].shape == (12, 3, 4)
    assert specs[1].sources == tuple(f"layers.1.experts.{e}.up" for e in range(12))
    del shapes["layers.1.experts.7.up"]
    with pytest.raises(ArchitectureError, match=r"layers\.1\.experts\.7\.up"):
        spec_names(table, shapes, num_experts=12)


def test_an_encoder_with_a_decoder() -> None:
    rows = (Row("attn_q.weight", ("q",)),)
    table = replace(
        BARE,
        layers=(
            Stack(rows, "encoder.{n}.", "enc.blk.{n}."),
            Stack(rows, "decoder.{n}.", "dec.blk.{n}.", count=lambda f: f.integer("decoders")),
        ),
    )
    shapes = {
        f"{kind}.{n}.q": (4, 4) for kind, ns in (("encoder", 2), ("decoder", 3)) for n in range(ns)
    }
    specs = spec_names(table, shapes, decoders=3)
    assert [spec.name for spec in specs] == [
        *(f"enc.blk.{n}.attn_q.weight" for n in range(2)),
        *(f"dec.blk.{n}.attn_q.weight" for n in range(3)),
    ]
    assert {spec.role for spec in specs} == {"attn_q"}


def test_arguments_that_are_a_list_in_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    constants = transform.Transform(
        "constants", lambda shapes, args: (len(args),), transform.get("identity").rows
    )
    monkeypatch.setattr(transform, "get", lambda name: constants)
    row = Row("rope_factors_long.weight", (), "constants", lambda f: tuple(f.get("long_factor")))
    (spec,) = spec_names(replace(BARE, globals=(row,)), {}, long_factor=[1.0, 1.5, 2.0])
    assert (spec.args, spec.shape, spec.sources) == ((1.0, 1.5, 2.0), (3,), ())


def test_an_optional_row_with_half_its_sources_is_an_error() -> None:
    table = replace(BARE, globals=(Row("pair.weight", ("a", "b"), optional=True),))
    with pytest.raises(ArchitectureError, match=r"b \(for pair.weight\)"):
        spec_names(table, {"a": (4,), "c": (4,), "d": (4,)})


def test_values_per_layer() -> None:
    from quantcli.arch.entries import make_entries

    key = Key(
        "{arch}.attention.head_count_kv",
        "array:int32",
        derive=lambda facts: tuple(facts.config["kv"]),
    )
    facts = Facts({"kv": [0, 4, 0]}, Path(), {}, "X")
    (entry,) = make_entries("jamba", (key,), facts, "config.json")
    assert (entry.key, entry.value) == ("jamba.attention.head_count_kv", (0, 4, 0))


# ------------------------------------------------------------------ what an author got wrong
def test_a_wrong_output_name_is_found_by_expand(
    make_tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = open_checkpoint(make_tiny("llama"))
    llama = next(table for table in TABLES if table.name == "llama")
    (stack,) = llama.layers
    wrong = (Row("attn_querry.weight", ("self_attn.q_proj.weight",)), *stack.rows[1:])
    table = replace(
        llama,
        globals=(*llama.globals, Row("token_embed.weight", ("x.weight",), optional=True)),
        layers=(replace(stack, rows=wrong),),
    )
    module = importlib.import_module("quantcli.arch.expand")
    monkeypatch.setattr(module, "find", lambda hf, where: table)
    with pytest.raises(ArchitectureError) as caught:
        expand(checkpoint.config, checkpoint.refs, checkpoint.root)
    text = str(caught.value)
    assert "blk.{bid}.attn_querry.weight (perhaps blk.{bid}.attn_q" in text
    assert "token_embed.weight (perhaps token_embd.weight)" in text
    assert "quantcli/arch/families" in text


@EACH
def test_every_output_name_is_known(table: Architecture) -> None:
    check_outputs(table)


def test_a_name_needs_its_ending() -> None:
    table = replace(BARE, name="llama", globals=(Row("output_norm", ("norm",)),))
    with pytest.raises(ArchitectureError, match="output_norm"):
        check_outputs(table)


def test_an_architecture_that_the_runtime_does_not_know() -> None:
    with pytest.raises(ArchitectureError, match="no architecture 'made-up'"):
        check_outputs(BARE)


BROKEN = {
    "syntax": "def",
    "raising": "raise RuntimeError('no such field')",
    "missing": "from quantcli.arch.blocks import no_such_row",
    "again": (
        "from quantcli.arch.architecture import Architecture\n"
        "A = Architecture('again', ('LlamaForCausalLM',), 'bpe', (), (), ())"
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_one_broken_table_names_itself_and_breaks_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from quantcli.arch import families

    # After "llama" in the order of the folder, and loaded anew for each kind.
    file = tmp_path / f"zz_{kind}.py"
    file.write_text(BROKEN[kind], encoding="utf-8")
    monkeypatch.setattr(families, "__path__", [*families.__path__, str(tmp_path)])
    tables.cache_clear()
    try:
        assert find("LlamaForCausalLM", "here").name == "llama"
        assert architectures() == TABLES
        with pytest.raises(ArchitectureError, match=rf"arch/families/zz_{kind}\.py"):
            find("SomethingElse", "here")
    finally:
        tables.cache_clear()
