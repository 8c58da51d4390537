"""Qwen 2 MoE: routed experts in both layouts, a gated shared one."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny


def _small(**changes: Any) -> dict[str, Any]:
    routing = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 48}
    return tiny(shared_expert_intermediate_size=80, **routing) | changes


_HF = "Qwen2MoeForCausalLM"

CASES = (
    Case("experts", _HF, _small(), tokenizer="qwen2"),
    Case("stacked", _HF, _small(), tokenizer="qwen2", layout="stacked"),
    Case(
        "tied",
        _HF,
        _small(tie_word_embeddings=True),
        tokenizer="qwen2",
        peer_differs={
            r"^output\.weight": "llama.cpp does not load the converter's file, which lacks it"
        },
    ),
    Case("no_biases", _HF, _small(qkv_bias=False), tokenizer="qwen2"),
    Case("weights", _HF, _small(norm_topk_prob=True), tokenizer="qwen2", refused="norm_topk_prob"),
    Case(
        "alternating",
        _HF,
        _small(decoder_sparse_step=2),
        tokenizer="qwen2",
        refused="decoder_sparse_step",
    ),
    Case("dense_layers", _HF, _small(mlp_only_layers=[1]), tokenizer="qwen2", refused="mlp_only"),
)
