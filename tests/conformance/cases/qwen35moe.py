"""Qwen 3.5 MoE: both layouts of the experts, the block that predicts, a model of several parts."""

from __future__ import annotations

from conformance.case import Case, tiny
from conformance.recurrent import NO_MTP, SECTIONS, VISION, mtp

_QWEN = tiny(
    intermediate_size=None,
    num_hidden_layers=4,
    head_dim=32,
    linear_key_head_dim=16,
    linear_value_head_dim=16,
    linear_num_key_heads=2,
    linear_num_value_heads=4,
    num_experts=4,
    num_experts_per_tok=2,
    moe_intermediate_size=48,
    shared_expert_intermediate_size=80,
)
_CLASS = "Qwen3_5MoeForCausalLM"
_EXPERTS = {
    "mlp.experts.gate_up_proj": (4, 96, 64),
    "mlp.experts.down_proj": (4, 64, 48),
    "mlp.gate.weight": (4, 64),
    "mlp.shared_expert_gate.weight": (1, 64),
    "mlp.shared_expert.gate_proj.weight": (80, 64),
    "mlp.shared_expert.up_proj.weight": (80, 64),
    "mlp.shared_expert.down_proj.weight": (64, 80),
}

CASES = (
    Case(
        "predicting", _CLASS, _QWEN, tokenizer="qwen2", extra=mtp(_EXPERTS), peer_differs=SECTIONS
    ),
    Case(
        "stacked",
        _CLASS,
        _QWEN,
        tokenizer="qwen2",
        layout="stacked",
        extra=mtp(_EXPERTS),
        peer_differs=SECTIONS,
    ),
    Case(
        "parts",
        "Qwen3_5MoeForConditionalGeneration",
        {"text_config": _QWEN, "vision_config": VISION},
        tokenizer="qwen2",
        peer_fails=NO_MTP,
    ),
    Case("bias", _CLASS, {**_QWEN, "attention_bias": True}, refused="attention_bias"),
)
