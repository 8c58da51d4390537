"""LFM 2: short gated convolutions, attention in some layers, a gated feed-forward in each."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import swiglu
from quantcli.arch.facts import Facts
from quantcli.arch.lfm2 import (
    FEED_FORWARD,
    LFM2_CHECKS,
    LFM2_GLOBALS,
    LFM2_GRAPH,
    LFM2_MIXER,
    LFM2_REMARKS,
    layer_types,
    lfm2_keys,
)


def _inner(facts: Facts) -> int:
    """Return the inner length, which the class takes down to two thirds and rounds up."""
    length = facts.integer("block_ff_dim", "intermediate_size")
    if not facts.get("block_auto_adjust_ff_dim"):
        return length
    length, factor = int(2 * length / 3), facts.get("block_ffn_dim_multiplier")
    multiple = facts.integer("block_multiple_of")
    return length if factor is None else -(-int(factor * length) // multiple) * multiple


LFM2 = Architecture(
    name="lfm2",
    hf=("Lfm2ForCausalLM", "LFM2ForCausalLM"),
    vocab="auto",
    keys=lfm2_keys(_inner),
    globals=LFM2_GLOBALS,
    layers=(
        Stack(
            (
                *LFM2_MIXER,
                *swiglu(at="feed_forward.", names=FEED_FORWARD, norm_source="", size=_inner),
            )
        ),
    ),
    defaults={"lfm2": {"layer_types": layer_types}},
    graph=LFM2_GRAPH,
    checks=LFM2_CHECKS,
    remarks=LFM2_REMARKS,
    ignored_fields=(
        "block_*",
        "conv_dim*",
        "full_attn_idxs",
        "tie_embedding",
        "use_pos_enc",
        "conv_use_xavier_init",
    ),
)
