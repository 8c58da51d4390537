"""The types that architecture tables are written in, and what expanding one gives."""

from __future__ import annotations

from dataclasses import dataclass

Value = str | int | float | bool | tuple[str, ...] | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One metadata entry of a GGUF file.

    Attributes:
        key: full key ("llama.block_count").
        type: "string", "bool", "uint32", "int32", "float32", "uint64", or "array:" and one of these.
        value: matching Python value; arrays are tuples.
    """

    key: str
    type: str
    value: Value


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One tensor of the output file and how it is made.

    Attributes:
        name: GGUF name ("blk.3.attn_q.weight").
        role: name without layer and suffix ("attn_q").
        layer: block number, or None outside the blocks.
        shape: outermost dimension first.
        op: name of the transform.
        args: the transform's resolved arguments.
        sources: names of the checkpoint's tensors, in the transform's order.
    """

    name: str
    role: str
    layer: int | None
    shape: tuple[int, ...]
    op: str
    args: tuple[int | float | str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Traits:
    """What the type rules want to know of a model."""

    arch: str
    layers: int
    heads: int
    heads_kv: int
    experts: int
    tied: bool


@dataclass(frozen=True, slots=True)
class Model:
    """An architecture table expanded for one checkpoint; touches no tensor byte.

    Attributes:
        traits: facts for the type rules.
        specs: the output tensors in file order.
        entries: the `{arch}.*` metadata in the converter's order, without general.* and tokenizer.*.
        vocab: tokenizer kind for `quantcli.tokenizer.export`.
        vocab_entries: tokenizer.ggml.* entries that depend on the architecture (token_type_count, …).
        vocab_rows: rows of the token embedding.
        notes: decisions worth telling the user.
    """

    traits: Traits
    specs: tuple[TensorSpec, ...]
    entries: tuple[Entry, ...]
    vocab: str
    vocab_entries: tuple[Entry, ...]
    vocab_rows: int
    notes: tuple[str, ...]
