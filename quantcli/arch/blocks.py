"""Tensor rows that many architectures share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from quantcli.arch.architecture import Arg, Count, Row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import (
    heads,
    heads_kv,
    inner,
    key_width,
    query_width,
    width,
)
from quantcli.arch.relations import headless, rows_of

Present = bool | Callable[[Facts], bool]
RowArg = Arg | Callable[[Facts], Arg]
Shape = tuple[Count | None, ...]


def row(
    name: str,
    source: str,
    op: str = "identity",
    *args: RowArg,
    shape: Shape = (),
    when: Callable[[Facts], bool] | None = None,
) -> Row:
    """Return a row with one source."""
    return Row(name, (source,), op, args, when=when, shape=shape)


def optional(
    name: str,
    source: str,
    op: str = "identity",
    *args: RowArg,
    shape: Shape = (),
    when: Callable[[Facts], bool] | None = None,
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


EMBEDDING: tuple[Row, ...] = (row("token_embd.weight", "embed_tokens.weight", shape=(None, width)),)

# Without lm_head the embedding serves as output; the runtime ties them by the tensor's absence.
OUTPUT: tuple[Row, ...] = (
    row("output_norm.weight", "norm.weight", shape=(width,)),
    optional(
        "output.weight",
        "lm_head.weight",
        shape=(rows_of("embed_tokens.weight"), width),
        absent=headless,
    ),
)


def attention(*, biases: Present = True, output_bias: Present | None = None) -> tuple[Row, ...]:
    """Return the norm and the four projections of a pre-norm attention, heads as they are.

    Args:
        biases: whether those of q, k and v may be absent.
        output_bias: the same for the output projection's; None where the runtime has none.
    """
    output = linear(
        "attn_output", "self_attn.o_proj", shape=(width, query_width), bias=output_bias or True
    )
    return (
        row("attn_norm.weight", "input_layernorm.weight", shape=(width,)),
        *linear("attn_q", "self_attn.q_proj", shape=(query_width, width), bias=biases),
        *linear("attn_k", "self_attn.k_proj", shape=(key_width, width), bias=biases),
        *linear("attn_v", "self_attn.v_proj", shape=(key_width, width), bias=biases),
        *(output if output_bias is not None else output[:1]),
    )


def paired(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return `attention` rows for runtimes that rotate adjacent pairs: rows of q and k move."""
    count = {"attn_q": heads, "attn_k": heads_kv}
    return tuple(
        replace(each, op="rope_permute", args=(count[part],))
        if (part := each.name.partition(".")[0]) in count
        else each
        for each in rows
    )


def swiglu(*, biases: Present | None = None) -> tuple[Row, ...]:
    """Return the norm and the gate, up and down projections of a gated feed-forward.

    Args:
        biases: whether their biases may be absent; None where the runtime has none.
    """
    parts = (
        ("ffn_gate", "mlp.gate_proj", (inner, width)),
        ("ffn_up", "mlp.up_proj", (inner, width)),
        ("ffn_down", "mlp.down_proj", (width, inner)),
    )
    last = 1 if biases is None else 2
    return (
        row("ffn_norm.weight", "post_attention_layernorm.weight", shape=(width,)),
        *(
            each
            for name, source, shape in parts
            for each in linear(name, source, shape=shape, bias=biases or True)[:last]
        ),
    )
