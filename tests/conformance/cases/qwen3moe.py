"""Qwen 3 MoE: routed experts in both layouts."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny


def _small(**changes: Any) -> dict[str, Any]:
    routing = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 48}
    return tiny(norm_topk_prob=True, head_dim=32, **routing) | changes


_HF = "Qwen3MoeForCausalLM"

CASES = (
    Case("experts", _HF, _small(), tokenizer="qwen2"),
    Case("stacked", _HF, _small(), tokenizer="qwen2", layout="stacked"),
    Case(
        "tied_head_dim_derived",
        _HF,
        _small(tie_word_embeddings=True, head_dim=16, num_key_value_heads=1),
        tokenizer="qwen2",
    ),
    Case(
        "yarn",
        _HF,
        _small(
            rope_parameters={
                "rope_type": "yarn",
                "factor": 4.0,
                "original_max_position_embeddings": 32,
                "rope_theta": 1e6,
            }
        ),
        tokenizer="qwen2",
    ),
    Case("weights", _HF, _small(norm_topk_prob=False), tokenizer="qwen2", refused="norm_topk_prob"),
    Case(
        "dense_layers",
        _HF,
        _small(mlp_only_layers=[0]),
        tokenizer="qwen2",
        refused="mlp_only_layers",
    ),
    Case("biases", _HF, _small(attention_bias=True), tokenizer="qwen2", refused="attention_bias"),
)
