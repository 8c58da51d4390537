"""DBRX."""

from __future__ import annotations

from typing import Any

from conformance.case import Case

_HF = "DbrxForCausalLM"


def _small(**routing: Any) -> dict[str, Any]:
    attention = {"kv_n_heads": 2, "clip_qkv": 0.8, "rope_theta": 500000.0}
    experts = {"ffn_hidden_size": 48, "moe_num_experts": 4, "moe_top_k": 2, **routing}
    sizes = {"d_model": 64, "n_heads": 4, "n_layers": 2, "max_seq_len": 128}
    rope = {"rope_type": "default", "rope_theta": 500000.0}
    return {**sizes, "rope_parameters": rope, "attn_config": attention, "ffn_config": experts}


CASES = (
    Case(
        "clipped",
        _HF,
        _small(),
        peer_differs={"ffn_gate_inp": "the converter keeps even routers in 16 bits for this one"},
    ),
    Case(
        "norm_of_weights",
        _HF,
        _small(moe_normalize_expert_weights=2.0),
        refused="moe_normalize_expert_weights",
    ),
)
