"""LFM 2 MoE: dense layers first, experts in both layouts; what the router has not is refused."""

from __future__ import annotations

from conformance.case import Case, tiny

_LFM = tiny(
    num_hidden_layers=3,
    layer_types=["conv", "full_attention", "conv"],
    num_dense_layers=1,
    num_experts=4,
    num_experts_per_tok=2,
    moe_intermediate_size=48,
)
_MOE = "Lfm2MoeForCausalLM"

_APART = "it knows the experts apart only"

CASES = (
    Case("experts", _MOE, _LFM),
    Case(
        "stacked",
        _MOE,
        {**_LFM, "num_dense_layers": 0},
        layout="stacked",
        peer_fails="it knows the experts apart only",
    ),
    Case("unbiased", _MOE, {**_LFM, "use_expert_bias": False}, refused="use_expert_bias"),
    Case("scaled", _MOE, {**_LFM, "routed_scaling_factor": 2.0}, refused="routed_scaling_factor"),
    Case("unnormed", _MOE, {**_LFM, "norm_topk_prob": False}, refused="norm_topk_prob"),
)
