"""Tensor rows that many architectures share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from quantcli.arch.architecture import Arg, Count, Row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import (
    head_dim,
    heads,
    heads_kv,
    key_width,
    original_context,
    query_width,
    rope_type,
    width,
)

RowArg = Arg | Callable[[Facts], Arg]
Shape = tuple[Count | None, ...]


def row(name: str, source: str, op: str = "identity", *args: RowArg, shape: Shape = ()) -> Row:
    """Return a row with one source."""
    return Row(name, (source,), op, args, shape=shape)


def optional(
    name: str,
    source: str,
    op: str = "identity",
    *args: RowArg,
    shape: Shape = (),
    when: Callable[[Facts], bool] | None = None,
) -> Row:
    """Return a row with one source that is left out when the checkpoint lacks it."""
    return Row(name, (source,), op, args, when=when, shape=shape, optional=True)


def linear(
    name: str, source: str, op: str = "identity", *args: RowArg, shape: Shape = ()
) -> tuple[Row, ...]:
    """Return the rows of a matrix and, if the checkpoint has one, of its bias."""
    return (
        row(f"{name}.weight", f"{source}.weight", op, *args, shape=shape),
        optional(f"{name}.bias", f"{source}.bias", op, *args, shape=shape[:1]),
    )


def affine(name: str, source: str, *, shape: Shape = ()) -> tuple[Row, ...]:
    """Return the rows of a matrix or a norm and of the bias it must have."""
    return (
        row(f"{name}.weight", f"{source}.weight", shape=shape),
        row(f"{name}.bias", f"{source}.bias", shape=shape[:1]),
    )


# Rotary tables that old checkpoints carry; the runtime computes them.
BUFFERS: tuple[str, ...] = ("*.rotary_emb.inv_freq",)

EMBEDDING: tuple[Row, ...] = (row("token_embd.weight", "embed_tokens.weight", shape=(None, width)),)

# Without lm_head the embedding serves as output; the runtime ties them by the tensor's absence.
OUTPUT: tuple[Row, ...] = (
    row("output_norm.weight", "norm.weight", shape=(width,)),
    optional("output.weight", "lm_head.weight", shape=(None, width)),
)


def attention() -> tuple[Row, ...]:
    """Return the norm and the four projections of a pre-norm attention, heads as they are."""
    return (
        row("attn_norm.weight", "input_layernorm.weight", shape=(width,)),
        *linear("attn_q", "self_attn.q_proj", shape=(query_width, width)),
        *linear("attn_k", "self_attn.k_proj", shape=(key_width, width)),
        *linear("attn_v", "self_attn.v_proj", shape=(key_width, width)),
        *linear("attn_output", "self_attn.o_proj", shape=(width, query_width)),
    )


def paired_attention() -> tuple[Row, ...]:
    """Return `attention` for runtimes that rotate adjacent pairs: rows of q and k move."""
    count = {"attn_q": heads, "attn_k": heads_kv}
    return tuple(
        replace(each, op="rope_permute", args=(count[part],))
        if (part := each.name.partition(".")[0]) in count
        else each
        for each in attention()
    )


def swiglu() -> tuple[Row, ...]:
    """Return the norm and the gate, up and down projections of a gated feed-forward."""
    return (
        row("ffn_norm.weight", "post_attention_layernorm.weight", shape=(width,)),
        *linear("ffn_gate", "mlp.gate_proj", shape=(None, width)),
        *linear("ffn_up", "mlp.up_proj", shape=(None, width)),
        *linear("ffn_down", "mlp.down_proj", shape=(width, None)),
    )


def _rope(field: str, default: float) -> Callable[[Facts], Arg]:
    return lambda facts: float(facts.rope_number(field) or default)


# Llama 3's frequency factors, a tensor computed from the config.
ROPE_FACTORS: tuple[Row, ...] = (
    Row(
        "rope_freqs.weight",
        (),
        "rope_factors_llama3",
        (
            head_dim,
            _rope("rope_theta", 10000.0),
            _rope("factor", 8.0),
            _rope("low_freq_factor", 1.0),
            _rope("high_freq_factor", 4.0),
            lambda facts: float(original_context(facts)),
        ),
        when=lambda facts: rope_type(facts) == "llama3",
    ),
)
