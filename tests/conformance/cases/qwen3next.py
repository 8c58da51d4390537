"""Qwen 3 Next: heads in groups and single, both layouts, the block that predicts, refusals."""

from __future__ import annotations

from conformance.case import Case, tiny
from conformance.recurrent import NO_MTP, mtp

_NEXT = tiny(
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
_CLASS = "Qwen3NextForCausalLM"
_EXPERTS = {
    f"mlp.experts.{n}.{part}_proj.weight": (64, 48) if part == "down" else (48, 64)
    for n in range(4)
    for part in ("gate", "up", "down")
}
_SHARED = {
    "mlp.gate.weight": (4, 64),
    "mlp.shared_expert_gate.weight": (1, 64),
    "mlp.shared_expert.gate_proj.weight": (80, 64),
    "mlp.shared_expert.up_proj.weight": (80, 64),
    "mlp.shared_expert.down_proj.weight": (64, 80),
}

CASES = (
    Case(
        "predicting",
        _CLASS,
        _NEXT,
        tokenizer="qwen2",
        extra=mtp({**_EXPERTS, **_SHARED}),
    ),
    Case("experts", _CLASS, _NEXT, tokenizer="qwen2", peer_fails=NO_MTP),
    Case(
        "stacked",
        _CLASS,
        {**_NEXT, "linear_num_value_heads": 2, "tie_word_embeddings": True},
        layout="stacked",
        peer_fails=NO_MTP,
    ),
    Case(
        "kinds",
        _CLASS,
        {**_NEXT, "layer_types": ["full_attention", "linear_attention"] * 2},
        peer_fails=NO_MTP,
    ),
    Case("bias", _CLASS, {**_NEXT, "attention_bias": True}, refused="attention_bias"),
    Case("heads", _CLASS, {**_NEXT, "linear_value_head_dim": 32}, refused="state is square"),
    Case("dense", _CLASS, {**_NEXT, "mlp_only_layers": [1]}, refused="mlp_only_layers"),
)
