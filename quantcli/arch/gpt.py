"""What decoders of the GPT line share: fused queries, keys and values, biases, no gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from quantcli.arch.architecture import Arg, Count, Key, Row
from quantcli.arch.blocks import Present, RowArg, Shape, linear, optional, row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    CAUSAL_KEY,
    HEADS_KEY,
    NORM_EPSILON_KEY,
    WIDTH_KEY,
    head_dim,
    heads,
    width,
)
from quantcli.arch.relations import headless, rows_of


@dataclass(frozen=True, slots=True)
class Names:
    """How a checkpoint calls the parts of a layer."""

    attn_norm: str = "ln_1"
    attn_qkv: str = "attn.c_attn"
    attn_output: str = "attn.c_proj"
    ffn_norm: str = "ln_2"
    ffn_up: str = "mlp.c_fc"
    ffn_down: str = "mlp.c_proj"


def neox_names(attention: str) -> Names:
    """Return the names of GPT-NeoX and what followed it, whose attention is called `attention`."""
    return Names(
        "input_layernorm",
        f"{attention}.query_key_value",
        f"{attention}.dense",
        "post_attention_layernorm",
        "mlp.dense_h_to_4h",
        "mlp.dense_4h_to_h",
    )


def wide(*fields: str) -> Count:
    """Return the inner width: what the first of `fields` says, or four times the width."""

    def size(facts: Facts) -> int:
        return facts.integer(*fields) if fields and facts.get(*fields) else 4 * width(facts)

    return size


def wide_key(*fields: str) -> Key:
    """Return the key of the inner width, `wide` of the same fields."""
    return Key("{arch}.feed_forward_length", "uint32", derive=wide(*fields), at_least=1)


def gpt_keys(context: Key, kv: Key, *inner: str) -> tuple[Key, ...]:
    """Return the keys of sizes: `context`, width, inner width by `inner`, heads, `kv`, epsilon."""
    return (
        context,
        WIDTH_KEY,
        wide_key(*inner),
        BLOCK_COUNT_KEY,
        HEADS_KEY,
        kv,
        NORM_EPSILON_KEY,
        CAUSAL_KEY,
    )


def kv_key(kv: Count) -> Key:
    """Return the key of the number of key heads."""
    return Key("{arch}.attention.head_count_kv", "uint32", derive=kv, at_least=1)


def fused_width(kv: Count = heads) -> Count:
    """Return the length of queries, keys and values together, with `kv` key heads."""
    return lambda facts: (heads(facts) + 2 * kv(facts)) * head_dim(facts)


def sorted_heads(kv: Count = heads) -> Callable[[Facts], tuple[Arg, ...]]:
    """Return the arguments by which `pick` sorts rows that are stored head by head.

    Stored are, for each of `kv` key heads, the queries that share it, the key, and the value; the
    runtime wants all queries, all keys, and all values.
    """

    def args(facts: Facts) -> tuple[Arg, ...]:
        size, groups = head_dim(facts), max(1, kv(facts))
        queries = heads(facts) // groups * size
        key, value = queries + size, queries + 2 * size
        return groups, 0, queries, queries, key, key, value

    return args


def fused(
    source: str, *, kv: Count = heads, by_head: bool = False, bias: Present = False
) -> tuple[Row, ...]:
    """Return the rows of fused queries, keys and values.

    Args:
        source: how the checkpoint calls them.
        kv: number of key heads.
        by_head: whether they are stored head by head (see `sorted_heads`).
        bias: whether the bias may be absent.
    """
    rows = linear("attn_qkv", source, shape=(fused_width(kv), width), bias=bias)
    if not by_head:
        return rows
    return tuple(replace(each, op="pick", args=sorted_heads(kv)) for each in rows)


def gpt_layer(
    names: Names,
    *,
    inner: Count,
    kv: Count = heads,
    by_head: bool = False,
    bias: Present = False,
) -> tuple[Row, ...]:
    """Return the rows of a layer: attention and feed-forward, each after a norm with a bias.

    Args:
        names: how the checkpoint calls them.
        inner: the inner length of the feed-forward.
        kv: number of key heads.
        by_head: whether queries, keys and values are stored head by head.
        bias: whether biases may be absent.
    """
    square: Shape = (width, width)
    return (
        *linear("attn_norm", names.attn_norm, shape=(width,), bias=bias),
        *fused(names.attn_qkv, kv=kv, by_head=by_head, bias=bias),
        *linear("attn_output", names.attn_output, shape=square, bias=bias),
        *linear("ffn_norm", names.ffn_norm, shape=(width,), bias=bias),
        *linear("ffn_up", names.ffn_up, shape=(inner, width), bias=bias),
        *linear("ffn_down", names.ffn_down, shape=(width, inner), bias=bias),
    )


def transposed(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return the rows of layers whose matrices are stored as (inputs, outputs)."""
    return tuple(replace(each, op="transpose") if len(each.shape) == 2 else each for each in rows)


def required_output(
    embedding: str, head: str = "lm_head", op: str = "identity", *args: RowArg
) -> tuple[Row, ...]:
    """Return the rows of an output layer that the runtime always wants.

    A tied model's embedding is written a second time as the output layer.

    Args:
        embedding: name of the token embedding.
        head: name of the output layer.
        op: name of an operation that both undergo.
        args: its arguments.
    """
    shape: Shape = (rows_of(f"{embedding}.weight"), width)

    def tied(facts: Facts) -> bool:
        return headless(facts) and not facts.has(f"{head}.weight")

    return (
        row("output.weight", f"{embedding}.weight", op, *args, shape=shape, when=tied),
        optional("output.weight", f"{head}.weight", op, *args, shape=shape, absent=headless),
    )
