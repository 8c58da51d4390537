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

_PREDICTING = {
    "mtp.layers.0.enorm.weight": (64,),
    "mtp.layers.0.hnorm.weight": (64,),
    "mtp.layers.0.eh_proj.weight": (64, 128),
    "mtp.layers.0.norm.weight": (64,),
    **{f"mtp.layers.0.mixer.{x}_proj.weight": (64, 64) for x in "qo"},
    **{f"mtp.layers.0.mixer.{x}_proj.weight": (32, 64) for x in "kv"},
    "mtp.layers.1.norm.weight": (64,),
    "mtp.layers.1.final_layernorm.weight": (64,),
    "mtp.layers.1.mixer.gate.weight": (8, 64),
    "mtp.layers.1.mixer.gate.e_score_correction_bias": (8,),
    **{f"mtp.layers.1.mixer.experts.{n}.up_proj.weight": (48, 64) for n in range(8)},
    **{f"mtp.layers.1.mixer.experts.{n}.down_proj.weight": (64, 48) for n in range(8)},
    "mtp.layers.1.mixer.shared_experts.up_proj.weight": (80, 64),
    "mtp.layers.1.mixer.shared_experts.down_proj.weight": (64, 80),
}

CASES = (
    Case(
        "predicting",
        _H,
        {**_NEMOTRON, "num_nextn_predict_layers": 1},
        extra=_PREDICTING,
        peer_differs={
            **DECAY,
            r"blk\.4\.ffn_gate_inp": "routers are F32 in its files; it does not know this one by "
            "its block's number",
        },
    ),
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
