"""GGUF files with one thing wrong, written by package gguf: which, and what llama.cpp says of them.

`BROKEN` is data: a good file, a change, and what verify must say. scripts/freeze_relations.py lets
a real llama.cpp load each of them and stores its answer in tests/fixtures/relations.json.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from fuzz_bases import write_base

import quantcli

ARRAY = gguf.GGUFValueType.ARRAY
_TYPES = {kind.name.lower(): kind for kind in gguf.GGUFValueType}


@dataclass(frozen=True)
class Value:
    """A value and its type: "uint32", "array:string", …"""

    type: str
    value: Any


Keys = Mapping[str, Value | None]
Arrays = Mapping[str, np.ndarray[Any, Any] | None]


@dataclass(frozen=True)
class Change:
    """What is different in a file.

    Attributes:
        keys: keys to set, or with None to drop.
        tensors: float32 tensors to set, or with None to drop.
    """

    keys: Keys = field(default_factory=dict)
    tensors: Arrays = field(default_factory=dict)


def good_file(base: str, folder: Path) -> Path:
    """Convert the checkpoint `base` of the configuration fuzz to float32."""
    path = folder / f"{base}.gguf"
    if not path.exists():
        quantcli.convert(write_base(base, folder / base), "F32", path, jobs=1)
    return path


def rewrite(source: Path, target: Path, change: Change) -> None:
    """Write `source`, a file of float32 tensors, with some keys and tensors changed."""
    reader = gguf.GGUFReader(source)
    keys = {
        name: Value(_type_of(entry), entry.contents())
        for name, entry in reader.fields.items()
        if not name.startswith("GGUF.") and entry.types
    }
    arrays = {tensor.name: np.array(tensor.data) for tensor in reader.tensors}
    writer = gguf.GGUFWriter(target, "")
    writer.kv_data[0].clear()
    for name, value in (keys | dict(change.keys)).items():
        if value is None:
            continue
        kind, _, element = value.type.partition(":")
        writer.add_key_value(name, value.value, _TYPES[kind], _TYPES[element] if element else None)
    for name, array in (arrays | dict(change.tensors)).items():
        if array is not None:
            writer.add_tensor(name, np.ascontiguousarray(array, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _type_of(entry: gguf.gguf_reader.ReaderField) -> str:
    names = [kind.name.lower() for kind in entry.types]
    return names[0] if names[0] != "array" else f"array:{names[-1]}"


# ------------------------------------------------------------------------------------- the table
def u32(value: int) -> Value:
    return Value("uint32", value)


def f32(value: float) -> Value:
    return Value("float32", value)


def zeros(*shape: int) -> np.ndarray[Any, Any]:
    return np.full(shape, 0.01, np.float32)


def keys(**changes: Value | None) -> Change:
    """A change of keys; "__" stands for a dot."""
    return Change({name.replace("__", "."): value for name, value in changes.items()})


def tensors(changes: Arrays) -> Change:
    return Change(tensors=changes)


Made = Change | Callable[[Path], Change]


def _texts(path: Path, key: str) -> list[Any]:
    return list(gguf.GGUFReader(path).fields[f"tokenizer.ggml.{key}"].contents())


def tokens(edit: Callable[[list[str]], object], *others: str) -> Callable[[Path], Change]:
    """A change of the list of tokens in place, and of the lists beside it in the same way."""

    def change(path: Path) -> Change:
        kinds = {"tokens": "string", "token_type": "int32", "scores": "float32", "merges": "string"}
        changed: dict[str, Value | None] = {}
        for name in ("tokens", *others):
            values = _texts(path, name)
            edit(values)
            changed[f"tokenizer.ggml.{name}"] = Value(f"array:{kinds[name]}", values)
        return Change(changed)

    return change


def _duplicate(values: list[str]) -> None:
    values[20] = values[21]


def _cut(values: list[Any]) -> None:
    del values[-1]


def _without_bytes(values: list[str]) -> None:
    values[values.index("<0x06>")] = "unlike"


def merges(value: str) -> Callable[[Path], Change]:
    def change(path: Path) -> Change:
        return keys(tokenizer__ggml__merges=Value("array:string", [value, *_texts(path, "merges")]))

    return change


@dataclass(frozen=True)
class Broken:
    """One row.

    Attributes:
        base: the good file (`good_file`).
        change: what is made wrong, or what makes the change from the good file.
        said: what one of verify's problems begins with.
        runs: llama.cpp loads and runs the file all the same, and computes something else.
    """

    base: str
    change: Made
    said: str
    runs: bool = False


_Q, _Q1 = "blk.0.attn_q.weight", "blk.1.attn_q.weight"
BROKEN: dict[str, Broken] = {
    # keys that are not there
    **{
        f"no {key}": Broken("llama", Change({key: None}), f"key {key} is missing")
        for key in (
            "general.architecture",
            "llama.block_count",
            "llama.context_length",
            "llama.embedding_length",
            "llama.feed_forward_length",
            "llama.attention.head_count",
            "llama.attention.layer_norm_rms_epsilon",
            "tokenizer.ggml.model",
            "tokenizer.ggml.tokens",
            "tokenizer.ggml.merges",
        )
    },
    "no epsilon of bert": Broken(
        "bert",
        keys(bert__attention__layer_norm_epsilon=None),
        "key bert.attention.layer_norm_epsilon is missing",
    ),
    "no token_type_count": Broken(
        "bert",
        keys(tokenizer__ggml__token_type_count=None),
        "key tokenizer.ggml.token_type_count is missing",
    ),
    # types
    "block_count of 64 bits": Broken(
        "llama",
        keys(llama__block_count=Value("uint64", 2)),
        "key llama.block_count has type uint64",
    ),
    "epsilon of 64 bits": Broken(
        "llama",
        keys(llama__attention__layer_norm_rms_epsilon=Value("float64", 1e-5)),
        "key llama.attention.layer_norm_rms_epsilon has type float64",
    ),
    "bos as int32": Broken(
        "llama",
        keys(tokenizer__ggml__bos_token_id=Value("int32", 3)),
        "key tokenizer.ggml.bos_token_id has type int32",
    ),
    "add_bos as text": Broken(
        "llama",
        keys(tokenizer__ggml__add_bos_token=Value("string", "true")),
        "key tokenizer.ggml.add_bos_token has type string",
    ),
    "head counts too few": Broken(
        "llama",
        keys(llama__attention__head_count=Value("array:int32", [4])),
        "key llama.attention.head_count has 1 elements",
    ),
    "suppress_tokens as one number": Broken(
        "llama",
        keys(tokenizer__ggml__suppress_tokens=Value("int32", 1)),
        "key tokenizer.ggml.suppress_tokens has type int32, llama.cpp reads array:int32",
    ),
    "split.count of 32 bits": Broken(
        "llama", keys(split__count=u32(1)), "key split.count has type uint32"
    ),
    # sizes
    "a context beyond an int": Broken(
        "llama_spm",
        keys(llama__context_length=u32(2**31)),
        "key llama.context_length is 2147483648",
    ),
    "blocks that predict further tokens": Broken(
        "llama", keys(llama__nextn_predict_layers=u32(3)), "key llama.nextn_predict_layers is 3"
    ),
    "more blocks than tensors": Broken(
        "llama", keys(llama__block_count=u32(3)), "key llama.block_count is 3, but the file has no"
    ),
    "fewer blocks than tensors": Broken(
        "llama", keys(llama__block_count=u32(1)), "key llama.block_count is 1, but the file has"
    ),
    "no blocks": Broken("llama", keys(llama__block_count=u32(0)), "key llama.block_count is 0"),
    "embedding_length": Broken(
        "llama",
        keys(llama__embedding_length=u32(92)),
        "tensor token_embd.weight has 96 columns; llama.embedding_length is 92",
    ),
    "feed_forward_length": Broken(
        "llama",
        keys(llama__feed_forward_length=u32(161)),
        "tensor blk.0.ffn_down.weight has 160 columns; llama.feed_forward_length is 161",
    ),
    "head_count": Broken(
        "llama_untied_biases",
        keys(llama__attention__head_count=u32(8)),
        f"tensor {_Q} has 128 rows; llama.attention.head_count × head length (8 × 32) is 256",
    ),
    "head_count that divides": Broken(
        "llama",
        keys(llama__attention__head_count=u32(2)),
        f"tensor {_Q} has 96 rows; llama.attention.head_count × head length (2 × 24) is 48",
    ),
    "head_count 0": Broken(
        "llama", keys(llama__attention__head_count=u32(0)), "key llama.attention.head_count is 0"
    ),
    "head_count_kv": Broken(
        "llama",
        keys(llama__attention__head_count_kv=u32(4)),
        "tensor blk.0.attn_k.weight has 48 rows; llama.attention.head_count_kv",
    ),
    "head_count_kv that divides nothing": Broken(
        "llama",
        Change(
            {"llama.attention.head_count_kv": u32(3)},
            {f"blk.{n}.attn_{x}.weight": zeros(72, 96) for n in (0, 1) for x in "kv"},
        ),
        "key llama.attention.head_count is 4, no multiple of llama.attention.head_count_kv",
    ),
    "key_length": Broken(
        "qwen3", keys(qwen3__attention__key_length=u32(16)), f"tensor {_Q} has 128 rows"
    ),
    "value_length": Broken(
        "qwen3",
        keys(qwen3__attention__value_length=u32(16)),
        "qwen3.attention.key_length is 32, qwen3.attention.value_length is 16",
    ),
    "heads as wide as nothing": Broken(
        "qwen2",
        keys(qwen2__attention__key_length=u32(12), qwen2__attention__value_length=u32(12)),
        "qwen2.attention.head_count × head length (4 × 12) is 48, qwen2.embedding_length is 96",
    ),
    "rope.dimension_count": Broken(
        "llama",
        keys(llama__rope__dimension_count=u32(12)),
        "llama.rope.dimension_count is 12, llama.attention.key_length is 24; llama.cpp's graph",
    ),
    "rope.dimension_count of qwen2": Broken(
        "qwen2",
        keys(qwen2__rope__dimension_count=u32(12)),
        "qwen2.rope.dimension_count is 12, qwen2.embedding_length / qwen2.attention.head_count",
    ),
    "odd heads": Broken(
        "llama",
        Change(
            {
                "llama.attention.key_length": u32(23),
                "llama.attention.value_length": u32(23),
                "llama.rope.dimension_count": u32(23),
            },
            {
                "rope_freqs.weight": zeros(11),
                **{f"blk.{n}.attn_q.weight": zeros(92, 96) for n in (0, 1)},
                **{f"blk.{n}.attn_output.weight": zeros(96, 92) for n in (0, 1)},
                **{f"blk.{n}.attn_{x}.weight": zeros(46, 96) for n in (0, 1) for x in "kv"},
            },
        ),
        "key llama.rope.dimension_count is 23, it should be even",
    ),
    "head_count of gpt2": Broken(
        "gpt2",
        keys(gpt2__attention__head_count=u32(5)),
        "gpt2.attention.head_count × head length (5 × 19) is 95, gpt2.embedding_length is 96",
    ),
    "context_length of gpt2": Broken(
        "gpt2",
        keys(gpt2__context_length=u32(65)),
        "tensor position_embd.weight has 64 rows; gpt2.context_length is 65",
    ),
    "context_length of bert": Broken(
        "bert",
        keys(bert__context_length=u32(63)),
        "tensor position_embd.weight has 64 rows; bert.context_length is 63",
    ),
    "head_count of bert": Broken(
        "bert",
        keys(bert__attention__head_count=u32(7)),
        "bert.attention.head_count × head length (7 × 13) is 91, bert.embedding_length is 96",
    ),
    "token_type_count": Broken(
        "bert",
        keys(tokenizer__ggml__token_type_count=u32(3)),
        "tensor token_types.weight has 2 rows; tokenizer.ggml.token_type_count is 3",
    ),
    "pooling_type": Broken(
        "bert", keys(bert__pooling_type=u32(9)), "key bert.pooling_type is 9, it should be at most"
    ),
    "experts used without experts": Broken(
        "llama", keys(llama__expert_used_count=u32(2)), "key llama.expert_used_count is 2 of"
    ),
    "experts without tensors": Broken(
        "llama",
        keys(llama__expert_count=u32(4), llama__expert_used_count=u32(2)),
        "tensor blk.0.ffn_gate_inp.weight is missing",
    ),
    "experts of which none is used": Broken(
        "llama", keys(llama__expert_count=u32(4)), "key llama.expert_used_count is 0 of"
    ),
    "rope scaling": Broken(
        "llama",
        keys(llama__rope__scaling__type=Value("string", "dynamic")),
        "key llama.rope.scaling.type is 'dynamic', llama.cpp knows",
    ),
    "an infinite epsilon": Broken(
        "llama",
        keys(llama__attention__layer_norm_rms_epsilon=f32(float("inf"))),
        "key llama.attention.layer_norm_rms_epsilon is inf, it should be finite",
        runs=True,
    ),
    "an epsilon that is no number": Broken(
        "llama",
        keys(llama__attention__layer_norm_rms_epsilon=f32(float("nan"))),
        "key llama.attention.layer_norm_rms_epsilon is nan, it should be finite",
    ),
    "a negative epsilon": Broken(
        "llama",
        keys(llama__attention__layer_norm_rms_epsilon=f32(-1.0)),
        "key llama.attention.layer_norm_rms_epsilon is -1.0, it should be",
    ),
    "a base that is no number": Broken(
        "qwen2",
        keys(qwen2__rope__freq_base=f32(float("nan"))),
        "key qwen2.rope.freq_base is nan, it should be finite",
        runs=True,
    ),
    # the vocabulary
    "a token less": Broken(
        "llama",
        tokens(_cut, "token_type"),
        "tensor token_embd.weight has 280 rows; the length of tokenizer.ggml.tokens is 279",
    ),
    "a token twice": Broken(
        "llama", tokens(_duplicate), "key tokenizer.ggml.tokens: 20 and 21 are both"
    ),
    "a type less": Broken(
        "llama",
        keys(tokenizer__ggml__token_type=Value("array:int32", [1] * 279)),
        "key tokenizer.ggml.token_type has 279 elements for 280 tokens",
    ),
    "a score less": Broken(
        "llama_spm",
        keys(tokenizer__ggml__scores=Value("array:float32", [0.0] * 20)),
        "key tokenizer.ggml.scores has 20 elements for",
    ),
    "a type that is none": Broken(
        "llama",
        keys(tokenizer__ggml__token_type=Value("array:int32", [9] * 280)),
        "key tokenizer.ggml.token_type[0] is 9, it should be from 0 to 6; 280 are not",
        runs=True,
    ),
    "an unknown tokenizer": Broken(
        "llama",
        keys(tokenizer__ggml__model=Value("string", "bpe")),
        "key tokenizer.ggml.model is 'bpe', llama.cpp knows",
    ),
    "an unknown pre-tokenizer": Broken(
        "llama",
        keys(tokenizer__ggml__pre=Value("string", "tiny")),
        "key tokenizer.ggml.pre is 'tiny', which llama.cpp does not know",
    ),
    "no bytes": Broken(
        "llama_spm", tokens(_without_bytes), "key tokenizer.ggml.tokens has no token <0x06>; 1 of"
    ),
    "bos of bert by default": Broken(
        "bert",
        keys(tokenizer__ggml__bos_token_id=None),
        "key tokenizer.ggml.bos_token_id is missing; llama.cpp takes 101, beyond the 91 tokens",
    ),
    "sep of bert by default": Broken(
        "bert",
        keys(tokenizer__ggml__seperator_token_id=None),
        "key tokenizer.ggml.seperator_token_id is missing; llama.cpp takes 102",
    ),
    "unk of bert by default": Broken(
        "bert",
        keys(tokenizer__ggml__unknown_token_id=None),
        "key tokenizer.ggml.unknown_token_id is missing; llama.cpp takes 100",
    ),
    "unk of bert beyond the tokens": Broken(
        "bert",
        keys(tokenizer__ggml__unknown_token_id=u32(2**32 - 1)),
        "key tokenizer.ggml.unknown_token_id is 4294967295, beyond the 91 tokens",
    ),
    "bos to add that is not there": Broken(
        "llama_spm",
        keys(
            tokenizer__ggml__model=Value("string", "t5"),
            tokenizer__ggml__add_bos_token=Value("bool", value=True),
            tokenizer__ggml__bos_token_id=None,
        ),
        "key tokenizer.ggml.add_bos_token is true, but tokenizer.ggml.bos_token_id is missing",
    ),
    "eos beyond the tokens": Broken(
        "llama",
        keys(tokenizer__ggml__eos_token_id=u32(280)),
        "key tokenizer.ggml.eos_token_id is 280, beyond the 280 tokens",
        runs=True,
    ),
    "a merge of one token": Broken(
        "llama",
        merges("ab"),
        "key tokenizer.ggml.merges[0] is 'ab', not two tokens with a space between",
        runs=True,
    ),
    "a merge of no tokens": Broken(
        "llama",
        merges("zz zz"),
        "key tokenizer.ggml.merges[0] is 'zz zz', not two tokens that make a token",
        runs=True,
    ),
    "a template that does not end": Broken(
        "llama",
        keys(tokenizer__chat_template=Value("string", "{% for m in messages %}\n{{ m['role'] }")),
        "key tokenizer.chat_template: llama.cpp cannot read it; line 2",
    ),
    # tensors
    **{
        f"no {name}": Broken(base, tensors({name: None}), f"tensor {name} is missing")
        for base, name in (
            ("llama", "token_embd.weight"),
            ("llama", "output_norm.weight"),
            ("llama", "blk.1.ffn_up.weight"),
            ("llama", "blk.0.attn_k.weight"),
            ("qwen3", "blk.0.attn_k_norm.weight"),
            ("gpt2", "blk.1.attn_output.bias"),
            ("gpt2", "position_embd.weight"),
            ("bert", "token_embd_norm.bias"),
        )
    },
    "a tensor too many": Broken(
        "llama",
        tensors({"blk.0.extra.weight": zeros(96)}),
        "tensor blk.0.extra.weight has no place in llama.cpp's graph of llama",
    ),
    **{
        f"shape of {name}": Broken(
            base, tensors({name: zeros(*shape)}), f"tensor {name} has {shape[0]} {what}; {said}"
        )
        for base, name, shape, what, said in (
            ("llama", "output.weight", (272, 96), "rows", "the length of tokenizer.ggml.tokens"),
            ("llama", "token_embd.weight", (288, 96), "rows", "the length of tokenizer.ggml.tok"),
            ("llama", "output_norm.weight", (95,), "elements", "llama.embedding_length is 96"),
            ("llama", "rope_freqs.weight", (16,), "elements", "half of llama.rope.dimension_cou"),
            ("llama", _Q1, (72, 96), "rows", "llama.attention.head_count × head length (4 × 24)"),
            ("llama", "blk.0.attn_output.weight", (48, 96), "rows", "llama.embedding_length is"),
            ("llama", "blk.1.ffn_gate.weight", (128, 96), "rows", "llama.feed_forward_length is"),
            ("qwen3", "blk.0.attn_q_norm.weight", (24,), "elements", "qwen3.attention.key_lengt"),
            ("qwen2", "blk.0.attn_q.bias", (48,), "elements", "qwen2.attention.head_count × he"),
            ("gpt2", "blk.0.attn_qkv.weight", (192, 96), "rows", "query, key and value (96 + 96"),
            ("bert", "cls.weight", (3, 96), "rows", "bert.embedding_length is 96"),
            ("bert_classifier", "cls.output.weight", (2, 96), "rows", "the length of bert.class"),
        )
    },
    **{
        f"{name} too many": Broken(
            base, tensors({name: zeros(*shape)}), f"tensor {name} has no place in llama.cpp's graph"
        )
        for base, name, shape in (
            ("llama", "rope_factors_long.weight", (12,)),
            ("llama", "blk.0.ffn_gate_inp.weight", (4, 96)),
            ("llama", "blk.0.attn_qkv.bias", (192,)),
            ("qwen2", "rope_freqs.weight", (12,)),
            ("bert", "output.weight", (91, 96)),
            ("llama", "token_embd.scale", (1,)),
        )
    },
    "a scale of many numbers": Broken(
        "llama",
        tensors({"blk.0.attn_q.scale": zeros(96)}),
        "tensor blk.0.attn_q.scale has 96 elements, a scale is one number",
    ),
    "a matrix of three dimensions": Broken(
        "llama",
        tensors({_Q: zeros(2, 48, 96)}),
        f"tensor {_Q} has shape (2, 48, 96); llama.cpp reads 2 dimensions",
    ),
}


# ------------------------------------------------------------------------ what is unusual but right
def _experts(path: Path) -> Change:
    drop: dict[str, np.ndarray[Any, Any] | None] = {}
    for n in (0, 1):
        drop |= {f"blk.{n}.ffn_{name}.weight": None for name in ("gate", "up", "down")}
        drop |= {f"blk.{n}.ffn_{name}_exps.weight": zeros(4, 160, 96) for name in ("gate", "up")}
        drop[f"blk.{n}.ffn_down_exps.weight"] = zeros(4, 96, 160)
        drop[f"blk.{n}.ffn_gate_inp.weight"] = zeros(4, 96)
    return Change({"llama.expert_count": u32(4), "llama.expert_used_count": u32(2)}, drop)


def _fused(path: Path) -> Change:
    changed: dict[str, np.ndarray[Any, Any] | None] = {}
    for n in (0, 1):
        changed |= {f"blk.{n}.attn_{x}.weight": None for x in "qkv"}
        changed[f"blk.{n}.attn_qkv.weight"] = zeros(192, 96)
    return Change(tensors=changed)


UNUSUAL: dict[str, tuple[str, Made]] = {
    "nothing changed": ("llama", Change()),
    "head counts by block": (
        "llama",
        keys(
            llama__attention__head_count=Value("array:int32", [4, 4]),
            llama__attention__head_count_kv=Value("array:uint32", [2, 2]),
            llama__feed_forward_length=Value("array:int32", [160, 160]),
        ),
    ),
    "keys left to their defaults": (
        "llama",
        keys(llama__rope__dimension_count=None, llama__rope__freq_base=None),
    ),
    "experts": ("llama", _experts),
    "fused q, k and v": ("llama", _fused),
    "scales beside weights": ("llama", tensors({"blk.0.attn_q.scale": zeros(1)})),
    "an id that says none": ("llama", keys(tokenizer__ggml__padding_token_id=u32(2**32 - 1))),
    "an empty token": ("llama", tokens(lambda values: values.__setitem__(40, ""))),
    "no pre-tokenizer": ("llama", keys(tokenizer__ggml__pre=None)),
    "no segments": ("bert", tensors({"token_types.weight": None})),
    "no pooling": ("bert", keys(bert__pooling_type=None)),
}


def make(base: str, change: Made, folder: Path) -> Path:
    """Write the file of a row into `folder`."""
    source = good_file(base, folder)
    target = folder / "changed.gguf"
    target.unlink(missing_ok=True)
    rewrite(source, target, change if isinstance(change, Change) else change(source))
    return target
