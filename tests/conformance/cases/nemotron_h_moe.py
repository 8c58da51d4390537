"""Nemotron H with experts: latent experts, groups of experts, both layouts."""

from __future__ import annotations

from conformance.case import Case, tiny
from conformance.recurrent import DECAY

_NEMOTRON = tiny(
    num_hidden_layers=None,
    layers_block_type=["linear_attention", "moe", "full_attention", "moe"],
    head_dim=16,
    mamba_num_heads=8,
    mamba_head_dim=16,
    n_groups=2,
    ssm_state_size=16,
    moe_intermediate_size=48,
    moe_shared_expert_intermediate_size=80,
    routed_scaling_factor=2.5,
)
_H = "NemotronHForCausalLM"

CASES = (
    Case("experts", _H, _NEMOTRON, peer_differs=DECAY),
    Case("stacked", _H, _NEMOTRON, layout="stacked", peer_fails="it knows the experts apart only"),
    Case(
        "latent",
        _H,
        {**_NEMOTRON, "moe_latent_size": 32, "norm_topk_prob": False},
        peer_differs=DECAY,
    ),
    Case("groups", _H, {**_NEMOTRON, "n_group": 4, "topk_group": 2}, peer_differs=DECAY),
    Case(
        "all_groups",
        _H,
        {**_NEMOTRON, "n_group": 2, "topk_group": 2},
        peer_differs={
            **DECAY,
            "expert_group": "llama.cpp aborts where all of several groups are taken, so that is "
            "not written",
        },
    ),
    Case(
        "mixed",
        _H,
        {**_NEMOTRON, "layers_block_type": ["linear_attention", "moe", "full_attention", "mlp"]},
        refused="layers_block_type",
    ),
)
