"""The types that architecture tables are written in, and what expanding one gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from quantcli.arch.facts import Facts

Value = str | int | float | bool | tuple[str, ...] | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One metadata entry of a GGUF file.

    Attributes:
        key: full key ("llama.block_count").
        type: "string", "bool", "uint32", "int32", "float32", "uint64", or "array:" and one of
            these.
        value: matching Python value; arrays are tuples.
    """

    key: str
    type: str
    value: Value


Arg = int | float | str
Count = Callable[[Facts], int]
RowArgs = tuple[Arg | Callable[[Facts], Arg], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an architecture's tensor table.

    Several rows may read one source (a fused matrix split into parts), and one row several (experts
    stacked): what is done is the transform's business.

    Attributes:
        name: GGUF name with its suffix, without "blk.N." ("attn_q.weight").
        sources: checkpoint names without the architecture's prefixes and, in layer rows, without
            the layer's prefix. `{n}` stands for the layer; a name with `{i}` stands for as many
            tensors as `each` says, numbered from 0.
        op: name of the transform.
        args: its arguments: values, or functions of the facts at the row's layer; or one function
            that gives all of them.
        each: how many tensors a source with `{i}` stands for: the experts, the heads.
        when: tells at which layers (or whether at all) the row applies.
        shape: what each dimension must be by the config, None for any; () checks nothing.
        optional: whether the row is left out when the checkpoint has none of its sources: always,
            never, or where this function of the facts says so. A row without sources is computed
            and applies whenever `when` says so.
    """

    name: str
    sources: tuple[str, ...]
    op: str = "identity"
    args: RowArgs | Callable[[Facts], tuple[Arg, ...]] = ()
    each: Count | None = None
    when: Callable[[Facts], bool] | None = None
    shape: tuple[Count | None, ...] = ()
    optional: bool | Callable[[Facts], bool] = False


@dataclass(frozen=True, slots=True)
class Stack:
    """Layers of one kind.

    Attributes:
        rows: tensors of one layer.
        prefix: what precedes a layer's names in the checkpoint; `{n}` is the layer's number.
        block: what precedes them in the output.
        count: number of layers; None takes the config's number of layers.
        first: number of the block that the first layer becomes; None is 0. `{n}` in `prefix`
            counts from 0, the layer that rows are asked about from here.
    """

    rows: tuple[Row, ...]
    prefix: str = "layers.{n}."
    block: str = "blk.{n}."
    count: Count | None = None
    first: Count | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """One line of an architecture's metadata table.

    Attributes:
        name: GGUF key, `{arch}` standing for the architecture's name.
        type: as in Entry.
        fields: config fields; the first that is present gives the value, a null gives no entry.
        derive: computes the value instead; None gives no entry.
        required: no value is an error that names the fields.
        at_least: smallest number that the runtime accepts.
        above: a number that the value must exceed, also once it is a float32.
        at_most: largest number that the runtime accepts.
        layered: the value may be one a layer, which is written as an array (of int32 for uint32).
    """

    name: str
    type: str
    fields: tuple[str, ...] = ()
    derive: Callable[[Facts], Value | None] | None = None
    required: bool = False
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    layered: bool = False


@dataclass(frozen=True, slots=True)
class Implements:
    """What the runtime's graph computes for one config field: any other value is refused.

    Attributes:
        field: the config field ("hidden_act").
        values: every value whose computation the graph has, or a function that gives them for a
            model. A field that is absent, and has no class default, is not looked at.
        read: how the field is found where a plain look into the config is not enough; None when
            it is absent.
        hint: what a user can do about another value.
    """

    field: str
    values: tuple[Any, ...] | Callable[[Facts], tuple[Any, ...]]
    read: Callable[[Facts], Any] | None = None
    hint: str | None = None


# Sentences about a model: problems that refuse it, or remarks for the user.
Check = Callable[[Facts], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Architecture:
    """An architecture as data.

    Attributes:
        name: GGUF name ("llama").
        hf: Hugging Face classes it covers.
        vocab: tokenizer kind.
        keys: `{arch}.*` metadata in file order.
        globals: tensors outside the layers.
        layers: the stacks of layers: one, or two for an encoder with a decoder.
        prefixes: prefixes that a checkpoint's names may have or lack; removed in this order.
        suffixes: old endings of names and what they are called today.
        renames: whole parts of names and what the table calls them, for checkpoints of another
            writer (".block_sparse_moe." → ".mlp."); with a dot at both ends, replaced in order.
        ignored: patterns (fnmatch) of names without prefix that are dropped on purpose, or
            functions of the facts that give some; rotary tables, masks and other buffers are
            dropped for every architecture (`arch.buffers`).
        kept: patterns (fnmatch) of names as the checkpoint spells them that belong to the output
            although they sound like another part's (`arch.multimodal`).
        defaults: model_type → config fields that the class fills when config.json lacks them;
            a function is called with the facts before any default.
        vocab_keys: tokenizer.ggml.* entries that depend on the config.
        graph: what llama.cpp's graph computes, where a config can ask for something else.
        checks: relations between fields and tensors; each sentence they give refuses the model.
        remarks: what a user should know of this model; each sentence becomes a note.
        ignored_fields: patterns (fnmatch) of config fields that change nothing in this family,
            beside those that change nothing anywhere (`arch.account`).
        modules: kinds of sentence-transformers modules that the graph has beside those that every
            graph has (`arch.sentence`).
        partly: of the classes in `hf`, those that another table covers but for the models that
            this function of the facts (before any tensor is known) tells: class → function.
        about: first line of its module's docstring, filled in when the folder is listed.
    """

    name: str
    hf: tuple[str, ...]
    vocab: str
    keys: tuple[Key, ...]
    globals: tuple[Row, ...]
    layers: tuple[Stack, ...]
    prefixes: tuple[str, ...] = ("model.",)
    suffixes: tuple[tuple[str, str], ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str | Callable[[Facts], Iterable[str]], ...] = ()
    kept: tuple[str, ...] = ()
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    vocab_keys: tuple[Key, ...] = ()
    graph: tuple[Implements, ...] = ()
    checks: tuple[Check, ...] = ()
    remarks: tuple[Check, ...] = ()
    ignored_fields: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    partly: Mapping[str, Callable[[Facts], bool]] = field(default_factory=dict)
    about: str = ""


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
        entries: the `{arch}.*` metadata in the converter's order, without general.* and
            tokenizer.*.
        vocab: tokenizer kind for `quantcli.tokenizer.export`.
        vocab_entries: tokenizer.ggml.* entries that depend on the architecture
            (token_type_count, …).
        vocab_rows: rows of the token embedding.
        notes: decisions worth telling the user.
        assumed: whether the user named the architecture, not the checkpoint.
    """

    traits: Traits
    specs: tuple[TensorSpec, ...]
    entries: tuple[Entry, ...]
    vocab: str
    vocab_entries: tuple[Entry, ...]
    vocab_rows: int
    notes: tuple[str, ...]
    assumed: bool = False
