"""GLM 5: latent attention to chosen tokens, the choice shared by layers."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

_HF = "GlmMoeDsaForCausalLM"
_SCORING = {
    "expert_gating_func": "written because the class's router has sigmoids; the runtime takes them "
    "without the key as well"
}


def _small(**changes: Any) -> dict[str, Any]:
    sizes = {"q_lora_rank": 24, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8}
    routing = {"n_routed_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 48}
    # Many heads, because a score of exactly 0 from all of them makes ties that nobody breaks alike.
    index = {"index_topk": 8, "index_head_dim": 64, "index_n_heads": 32, "v_head_dim": 24}
    both = {**sizes, **routing, **index, "n_shared_experts": 1}
    return tiny(first_k_dense_replace=1, num_key_value_heads=4, **both) | changes


CASES = (
    Case("indexed", _HF, _small(num_hidden_layers=3), peer_differs=_SCORING),
    Case(
        "shared",
        _HF,
        _small(indexer_types=["full", "shared", "full", "shared"], num_hidden_layers=4),
        peer_differs=_SCORING,
    ),
    Case(
        "small_heads",
        _HF,
        _small(index_head_dim=32),
        refused="index_head_dim",
    ),
    Case(
        "yarn",
        _HF,
        _small(
            rope_parameters={
                "rope_type": "yarn",
                "factor": 4.0,
                "original_max_position_embeddings": 32,
                "rope_theta": 1e4,
            }
        ),
        refused="rope_type",
    ),
    Case("biases", _HF, _small(attention_bias=True), refused="attention_bias"),
)
