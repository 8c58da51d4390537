"""Mistral 4."""

from __future__ import annotations

from conformance.case import Case, tiny
from conformance.cases.mistral3 import VISION, YARN

CLASS = "Mistral4ForCausalLM"
EXPERTS = tiny(
    num_hidden_layers=3,
    num_key_value_heads=4,
    q_lora_rank=32,
    kv_lora_rank=32,
    qk_nope_head_dim=16,
    qk_rope_head_dim=16,
    v_head_dim=24,
    n_routed_experts=8,
    num_experts_per_tok=2,
    moe_intermediate_size=48,
    n_shared_experts=1,
    rope_parameters=YARN,
)
UNKNOWN = "it knows the model with its vision part only"
FUSED = {"ffn_(gate|up|gate_up)_exps": "it leaves gate and up one tensor, which is computed alike"}
GROWS = {"attention.temperature": "it forgets that queries grow with the position"}

CASES = (
    Case("experts", CLASS, EXPERTS, layout="stacked", peer_fails=UNKNOWN),
    Case(
        "dense_first",
        CLASS,
        {**EXPERTS, "first_k_dense_replace": 1, "tie_word_embeddings": True},
        peer_fails=UNKNOWN,
    ),
    Case("groups", CLASS, {**EXPERTS, "n_group": 4, "topk_group": 2}, peer_fails=UNKNOWN),
    Case(
        "wrapped",
        "Mistral3ForConditionalGeneration",
        {"text_config": {"model_type": "mistral4", **EXPERTS}, "vision_config": VISION},
        peer_differs={**GROWS, **FUSED},
    ),
    Case("biases", CLASS, {**EXPERTS, "attention_bias": True}, refused="attention_bias"),
)
