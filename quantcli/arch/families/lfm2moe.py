"""LFM 2 MoE: LFM 2 with experts in all layers but the first few."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import optional, swiglu, switched
from quantcli.arch.experts import (
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    LEADING_DENSE_KEY,
    dense_layer,
    routed,
    router,
    sparse_layer,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import experts, inner
from quantcli.arch.lfm2 import (
    FEED_FORWARD,
    LFM2_CHECKS,
    LFM2_GLOBALS,
    LFM2_GRAPH,
    LFM2_IGNORED,
    LFM2_MIXER,
    LFM2_REMARKS,
    lfm2_keys,
)


def _unbiased(facts: Facts) -> bool:
    return not facts.get("use_expert_bias")


LFM2MOE = Architecture(
    name="lfm2moe",
    hf=("Lfm2MoeForCausalLM",),
    vocab="auto",
    keys=(
        *lfm2_keys(inner),
        *EXPERT_KEYS,
        EXPERT_LENGTH_KEY,
        LEADING_DENSE_KEY,
        Key("{arch}.expert_gating_func", "uint32", derive=lambda facts: 2),
    ),
    globals=LFM2_GLOBALS,
    layers=(
        Stack(
            (
                *LFM2_MIXER,
                *switched(
                    swiglu(at="feed_forward.", names=FEED_FORWARD, norm_source=""), dense_layer
                ),
                *switched(
                    (
                        router("feed_forward.gate"),
                        *routed("feed_forward.experts.", FEED_FORWARD),
                        optional(
                            "exp_probs_b.bias",
                            "feed_forward.expert_bias",
                            shape=(experts,),
                            absent=_unbiased,
                        ),
                    ),
                    sparse_layer,
                ),
            )
        ),
    ),
    graph=(
        *LFM2_GRAPH,
        Implements("use_expert_bias", (True,)),
        Implements("norm_topk_prob", (True,)),
        Implements("routed_scaling_factor", (1.0,)),
    ),
    checks=LFM2_CHECKS,
    remarks=LFM2_REMARKS,
    ignored_fields=LFM2_IGNORED,
)
