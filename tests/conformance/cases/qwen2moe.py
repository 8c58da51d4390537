"""Qwen 2 MoE: routed experts in both layouts, a gated shared one."""

from __future__ import annotations

from conformance.case import Case, tiny

_EXPERTS = tiny(
    num_experts=4,
    num_experts_per_tok=2,
    moe_intermediate_size=48,
    shared_expert_intermediate_size=80,
)

CASES = (
    Case("experts", "Qwen2MoeForCausalLM", _EXPERTS, tokenizer="qwen2"),
    Case("stacked", "Qwen2MoeForCausalLM", _EXPERTS, tokenizer="qwen2", layout="stacked"),
)
