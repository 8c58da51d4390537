"""PLaMo: attention and feed-forward side by side, key heads that queries share in turn."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Arg, Key, Row, Stack
from quantcli.arch.blocks import EMBEDDING, Shape, norm, row, swiglu
from quantcli.arch.facts import Facts
from quantcli.arch.gpt import required_output
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    FEED_FORWARD_KEY,
    HEADS_KEY,
    RMS_EPSILON_KEY,
    WIDTH_KEY,
    context_key,
    head_dim,
    heads,
    width,
)
from quantcli.arch.relations import (
    PLAIN,
    SILU,
    heads_fill_the_width,
    tied_remark,
    vocabulary_remark,
    whole_heads,
)

_SHARED = "n_shared_head"


def _heads_kv(facts: Facts) -> int:
    """Return the number of key heads, of which the config says how many queries share one."""
    return heads(facts) // max(1, facts.integer(_SHARED))


def _key_width(facts: Facts) -> int:
    return _heads_kv(facts) * head_dim(facts)


def _by_key_head(facts: Facts) -> tuple[Arg, ...]:
    """Return how queries that share a key head come together, as arguments of `pick`.

    The model gives the first key head to every n-th query, the runtime to the first of them.
    """
    size = head_dim(facts)
    ends = ((i * size, (i + 1) * size) for i in range(_heads_kv(facts)))
    return facts.integer(_SHARED), *(end for pair in ends for end in pair)


def _projection(name: str, source: str, op: str, shape: Shape) -> Row:
    return Row(name, (f"self_attn.{source}_proj.weight",), op, _by_key_head, shape=shape)


PLAMO = Architecture(
    name="plamo",
    hf=("PlamoForCausalLM",),
    vocab="auto",
    keys=(
        context_key("max_position_embeddings"),
        WIDTH_KEY,
        FEED_FORWARD_KEY,
        BLOCK_COUNT_KEY,
        HEADS_KEY,
        Key("{arch}.attention.head_count_kv", "uint32", derive=_heads_kv, at_least=1),
        RMS_EPSILON_KEY,
    ),
    globals=(*EMBEDDING, norm("output_norm", "norm"), *required_output("embed_tokens")),
    layers=(
        Stack(
            (
                norm("attn_norm", "norm"),
                _projection("attn_q.weight", "q", "pick", (width, width)),
                row("attn_k.weight", "self_attn.k_proj.weight", shape=(_key_width, width)),
                row("attn_v.weight", "self_attn.v_proj.weight", shape=(_key_width, width)),
                _projection("attn_output.weight", "o", "pick_columns", (width, width)),
                *swiglu(norm_source=""),
            ),
            "layers.layers.{n}.",
        ),
    ),
    # The one release says nothing of its context.
    defaults={"plamo": {"max_position_embeddings": 4096, _SHARED: 8}},
    graph=(SILU, *PLAIN),
    checks=(whole_heads, heads_fill_the_width),
    remarks=(tied_remark, vocabulary_remark("embed_tokens.weight")),
    ignored_fields=("num_key_value_heads",),
)
