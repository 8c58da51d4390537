"""What T5's encoder has beside its decoder and by itself: keys, rows, and what the graph computes.

Bias by relative position comes before the softmax, in buckets of distances; norms are RMS norms.
"""

from __future__ import annotations

from quantcli.arch.architecture import Implements, Key, Row
from quantcli.arch.blocks import Shape, first_of, norm, optional, row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    HEADS_KEY,
    NORM_EPSILON_KEY,
    WIDTH_KEY,
    context_key,
    heads,
    inner,
    width,
)
from quantcli.arch.relations import without

# Positions are relative: the number of them is what the releases were trained on.
DEFAULTS = {kind: {"n_positions": 512} for kind in ("t5", "mt5", "umt5")}
ENCODER_SIZE_KEYS: tuple[Key, ...] = (
    context_key("n_positions"),
    WIDTH_KEY,
    Key("{arch}.feed_forward_length", "uint32", ("d_ff",), required=True, at_least=1),
    BLOCK_COUNT_KEY,
)
ATTENTION_KEYS: tuple[Key, ...] = (
    HEADS_KEY,
    Key("{arch}.attention.key_length", "uint32", ("d_kv",), required=True, at_least=1),
    Key("{arch}.attention.value_length", "uint32", ("d_kv",), required=True, at_least=1),
    NORM_EPSILON_KEY,
    Key(
        "{arch}.attention.relative_buckets_count",
        "uint32",
        ("relative_attention_num_buckets",),
        required=True,
        at_least=4,
    ),
    # The same number again: the graph's norms are RMS norms, which the class's name hides.
    Key(
        "{arch}.attention.layer_norm_rms_epsilon",
        "float32",
        ("layer_norm_epsilon",),
        required=True,
        above=0,
    ),
)
GRAPH: tuple[Implements, ...] = (
    # Without a gate the graph has ReLU, with one GELU.
    Implements("feed_forward_proj", ("relu", "gated-gelu", "gated-gelu_new")),
    Implements("relative_attention_max_distance", (128,)),
    without("per_layer_config"),
    without("pruned_heads"),
)
# The two that follow from feed_forward_proj are saved beside it; decoders cache, encoders do not.
IGNORED_FIELDS = (
    "is_gated_act",
    "dense_act_fn",
    "feed_forward_proj",
    "is_encoder_decoder",
    "n_ctx",
)
# Copies of the one embedding, which some releases store.
IGNORED = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "shared.weight")

EMBEDDING: tuple[Row, ...] = first_of(
    "token_embd.weight",
    "shared.weight",
    "encoder.embed_tokens.weight",
    "decoder.embed_tokens.weight",
    shape=(None, width),
)


def _inner(facts: Facts) -> int:
    """Return the length of all heads together."""
    return heads(facts) * facts.integer("d_kv")


def _buckets(facts: Facts) -> int:
    return facts.integer("relative_attention_num_buckets")


def attention(source: str, name: str = "attn", layer: int = 0) -> tuple[Row, ...]:
    """Return the rows of an attention: the norm before it and the four projections.

    Args:
        source: how the checkpoint calls it.
        name: how the runtime does.
        layer: its number among the parts of a block.
    """
    to: Shape = (_inner, width)
    return (
        norm(f"{name}_norm", f"layer.{layer}.layer_norm"),
        *(row(f"{name}_{p}.weight", f"layer.{layer}.{source}.{p}.weight", shape=to) for p in "qkv"),
        row(f"{name}_o.weight", f"layer.{layer}.{source}.o.weight", shape=(width, _inner)),
    )


def self_attention() -> tuple[Row, ...]:
    """Return the rows of a block's attention to its own text, with the bias by distance.

    T5 has it in the first block, for all; UMT5 in every block.
    """
    source = "layer.0.SelfAttention.relative_attention_bias.weight"
    shape: Shape = (_buckets, heads)
    return (
        *attention("SelfAttention"),
        optional("attn_rel_b.weight", source, shape=shape, absent=lambda facts: facts.layer != 0),
    )


def feed_forward(layer: int) -> tuple[Row, ...]:
    """Return the rows of the feed-forward, with a gate or without, and the norm before it."""
    at = f"layer.{layer}.DenseReluDense"

    def gated(facts: Facts) -> bool:
        return str(facts.get("feed_forward_proj")).startswith("gated")

    def plain(facts: Facts) -> bool:
        return not gated(facts)

    shape: Shape = (inner, width)
    return (
        norm("ffn_norm", f"layer.{layer}.layer_norm"),
        row("ffn_gate.weight", f"{at}.wi_0.weight", shape=shape, when=gated),
        row("ffn_up.weight", f"{at}.wi_1.weight", shape=shape, when=gated),
        row("ffn_up.weight", f"{at}.wi.weight", shape=shape, when=plain),
        row("ffn_down.weight", f"{at}.wo.weight", shape=(width, inner)),
    )
