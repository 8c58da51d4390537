"""Mellum 2."""

from __future__ import annotations

from conformance.case import Case, tiny

CLASS = "MellumForCausalLM"
EXPERTS = tiny(
    head_dim=32,
    num_hidden_layers=3,
    num_experts=4,
    num_experts_per_tok=2,
    moe_intermediate_size=48,
)
KINDS = ["full_attention", "sliding_attention", "sliding_attention"]
SAME = {kind: {"rope_type": "default", "rope_theta": 10000.0} for kind in sorted(set(KINDS))}
WINDOW = {**EXPERTS, "layer_types": KINDS, "sliding_window": 8}

CASES = (
    Case(
        "experts",
        CLASS,
        EXPERTS,
        peer_differs={"sliding_window": "no layer has a window"},
    ),
    Case("sliding_window", CLASS, {**WINDOW, "rope_parameters": SAME}),
    Case("two_bases", CLASS, WINDOW, refused="sliding_attention.rope_theta"),
    Case(
        "dense",
        CLASS,
        {**EXPERTS, "mlp_layer_types": ["dense", "sparse", "sparse"]},
        refused="mlp_layer_types",
    ),
)
