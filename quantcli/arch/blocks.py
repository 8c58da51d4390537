"""Tensor rows that many architectures share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from quantcli.arch.architecture import Arg, Count, Row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import (
    head_dim,
    heads,
    heads_kv,
    inner,
    key_width,
    query_width,
    twice,
    width,
)
from quantcli.arch.relations import headless, rows_of

When = Callable[[Facts], bool]
Present = bool | When
RowArg = Arg | Callable[[Facts], Arg]
Shape = tuple[Count | None, ...]


# ------------------------------------------------------------------------------- when a row applies
def has(name: str) -> When:
    """Return whether the checkpoint has this tensor (canonical name, {n} being the layer)."""
    return lambda facts: facts.has(name)


def lacks(name: str) -> When:
    """Return whether the checkpoint lacks this tensor (canonical name, {n} being the layer)."""
    return lambda facts: not facts.has(name)


def switched(rows: Iterable[Row], when: When) -> tuple[Row, ...]:
    """Return the rows, applying only where `when` says so, beside what each asks for itself."""
    return tuple(replace(row, when=_both(row.when, when)) for row in rows)


def _both(first: When | None, second: When) -> When:
    if first is None:
        return second
    return lambda facts: first(facts) and second(facts)


# ---------------------------------------------------------------------------------- single tensors
def row(
    name: str,
    source: str,
    op: str = "identity",
    *args: RowArg,
    shape: Shape = (),
    when: When | None = None,
) -> Row:
    """Return a row with one source."""
    return Row(name, (source,), op, args, when=when, shape=shape)


def optional(
    name: str,
    source: str,
    op: str = "identity",
    *args: RowArg,
    shape: Shape = (),
    when: When | None = None,
    absent: Present = True,
) -> Row:
    """Return a row with one source that is left out when the checkpoint lacks it.

    `absent` tells whether it may lack it, by default always.
    """
    return Row(name, (source,), op, args, when=when, shape=shape, optional=absent)


def linear(
    name: str,
    source: str,
    op: str = "identity",
    *args: RowArg,
    shape: Shape = (),
    bias: Present = True,
) -> tuple[Row, ...]:
    """Return the rows of a matrix and of its bias; `bias` tells whether it may be absent."""
    return (
        row(f"{name}.weight", f"{source}.weight", op, *args, shape=shape),
        optional(f"{name}.bias", f"{source}.bias", op, *args, shape=shape[:1], absent=bias),
    )


def affine(name: str, source: str, *, shape: Shape = ()) -> tuple[Row, ...]:
    """Return the rows of a matrix or a norm and of the bias it must have."""
    return (
        row(f"{name}.weight", f"{source}.weight", shape=shape),
        row(f"{name}.bias", f"{source}.bias", shape=shape[:1]),
    )


def norm(name: str, source: str, size: Count = width) -> Row:
    """Return the row of a norm without bias."""
    return row(f"{name}.weight", f"{source}.weight", shape=(size,))


def plus_one(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return the rows, one added to every norm's weight: the class stores the difference from 1."""
    return tuple(
        replace(each, op="add", args=(1.0,)) if each.name.endswith("norm.weight") else each
        for each in rows
    )


def halves(names: tuple[str, str], source: str, size: Count, lead: Shape = ()) -> tuple[Row, ...]:
    """Return the rows of two matrices stored as one: first rows and second rows.

    Args:
        names: of the two in the output.
        source: the tensor (2 size, width), or a stack of such.
        size: rows of each.
        lead: dimensions before them, of a stack.
    """
    shape = (*lead, size, width)
    return (
        row(names[0], source, "pick", 1, 0, size, shape=shape),
        row(names[1], source, "pick", 1, size, twice(size), shape=shape),
    )


def transformed(
    rows: Iterable[Row], transforms: Mapping[str, tuple[str, tuple[RowArg, ...]]]
) -> tuple[Row, ...]:
    """Return the rows, those that `transforms` names (with suffix) by its transform and arguments.

    Raises:
        ValueError: it names a row that there is not, or that has a transform.
    """
    rows = tuple(rows)
    plain = {each.name for each in rows if each.op == "identity"}
    if wrong := transforms.keys() - plain:
        raise ValueError(f"no rows without a transform: {', '.join(sorted(wrong))}")
    return tuple(
        replace(each, op=transforms[each.name][0], args=transforms[each.name][1])
        if each.name in transforms
        else each
        for each in rows
    )


def first_of(name: str, *sources: str, shape: Shape = ()) -> tuple[Row, ...]:
    """Return the rows of a tensor that checkpoints have under several names, perhaps at once.

    The first of `sources` that is there counts; without any, the first is reported as missing. Its
    row comes last: what is asked about the tensor by its name is answered by that one.
    """

    def when(place: int) -> When:
        def applies(facts: Facts) -> bool:
            there = [other for other in sources if facts.has(other)]
            return sources[place] == (there or sources)[0]

        return applies

    rows = [row(name, each, shape=shape, when=when(i)) for i, each in enumerate(sources)]
    return tuple(reversed(rows))


# -------------------------------------------------------------------------------- whole blocks
def embedding(source: str = "embed_tokens") -> tuple[Row, ...]:
    """Return the row of the token embedding."""
    return (row("token_embd.weight", f"{source}.weight", shape=(None, width)),)


# Without lm_head the embedding serves as output; the runtime ties them by the tensor's absence.
def output(
    norm_source: str = "norm",
    *,
    embedding: str = "embed_tokens",
    head: str = "lm_head",
    norm_bias: Present | None = None,
    bias: Present | None = None,
    copied: bool = False,
) -> tuple[Row, ...]:
    """Return the rows of the last norm and of the output layer, which a tied model may lack.

    Args:
        norm_source: name of the norm without its suffix.
        embedding: name of the token embedding, which has as many rows.
        head: name of the output layer.
        norm_bias: whether the norm's bias may be absent; None where the runtime has none.
        bias: the same for the output layer's.
        copied: whether a tied model's output layer is written as well, a copy of the embedding, for
            runtimes that do not load a file without it.
    """
    rows = rows_of(f"{embedding}.weight")
    copy = row(
        "output.weight", f"{embedding}.weight", when=_both(lacks(f"{head}.weight"), headless)
    )
    last = linear("output_norm", norm_source, shape=(width,), bias=norm_bias or True)
    return (
        *(last if norm_bias is not None else last[:1]),
        *((copy,) if copied else ()),
        optional("output.weight", f"{head}.weight", shape=(rows, width), absent=headless),
        *(() if bias is None else (optional("output.bias", f"{head}.bias", absent=bias),)),
    )


EMBEDDING: tuple[Row, ...] = embedding()
OUTPUT: tuple[Row, ...] = output()


def attention(
    *,
    biases: Present = True,
    output_bias: Present | None = None,
    at: str = "self_attn.",
    names: tuple[str, str, str, str] = ("q_proj", "k_proj", "v_proj", "o_proj"),
    norm_source: str = "input_layernorm",
) -> tuple[Row, ...]:
    """Return the norm and the four projections of a pre-norm attention, heads as they are.

    Args:
        biases: whether those of q, k and v may be absent.
        output_bias: the same for the output projection's; None where the runtime has none.
        at: what precedes the names of the projections.
        names: how the checkpoint calls q, k, v and the output projection.
        norm_source: how it calls the norm; "" for an attention without one before it.
    """
    q, k, v, out = (at + name for name in names)
    result = linear("attn_output", out, shape=(width, query_width), bias=output_bias or True)
    return (
        *((norm("attn_norm", norm_source),) if norm_source else ()),
        *linear("attn_q", q, shape=(query_width, width), bias=biases),
        *linear("attn_k", k, shape=(key_width, width), bias=biases),
        *linear("attn_v", v, shape=(key_width, width), bias=biases),
        *(result if output_bias is not None else result[:1]),
    )


def head_norms(
    at: str = "self_attn.", names: tuple[str, str] = ("q_norm", "k_norm"), size: Count = head_dim
) -> tuple[Row, ...]:
    """Return the norms of each query and key head (or, by `size`, of all heads together)."""
    return (norm("attn_q_norm", at + names[0], size), norm("attn_k_norm", at + names[1], size))


def paired(rows: Iterable[Row], rotated: Count | None = None) -> tuple[Row, ...]:
    """Return `attention` rows for runtimes that rotate adjacent pairs: rows of q and k move.

    Args:
        rows: of the attention.
        rotated: how many of a head's numbers are rotated, where that may be a part.
    """
    count = {"attn_q": heads, "attn_k": heads_kv}
    part_of_head = () if rotated is None else (rotated,)
    return tuple(
        replace(each, op="rope_permute", args=(count[part], *part_of_head))
        if (part := each.name.partition(".")[0]) in count
        else each
        for each in rows
    )


def swiglu(
    *,
    biases: Present | None = None,
    at: str = "mlp.",
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
    norm_source: str = "post_attention_layernorm",
    size: Count = inner,
) -> tuple[Row, ...]:
    """Return the norm and the gate, up and down projections of a gated feed-forward.

    Args:
        biases: whether their biases may be absent; None where the runtime has none.
        at: what precedes the names of the projections.
        names: how the checkpoint calls gate, up and down; "" for a feed-forward without gate.
        norm_source: how it calls the norm; "" for a feed-forward without one before it.
        size: the inner length.
    """
    parts = (
        ("ffn_gate", names[0], (size, width)),
        ("ffn_up", names[1], (size, width)),
        ("ffn_down", names[2], (width, size)),
    )
    last = 1 if biases is None else 2
    return (
        *((norm("ffn_norm", norm_source),) if norm_source else ()),
        *(
            each
            for name, source, shape in parts
            if source
            for each in linear(name, at + source, shape=shape, bias=biases or True)[:last]
        ),
    )
