"""DeepSeek V3.2: latent attention to the tokens that an indexer chooses."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

_HF = "DeepseekV32ForCausalLM"
_SCORING = {
    "expert_gating_func": "the class's router has sigmoids, of which its config says nothing; "
    "llama.cpp does not load the converter's file without the key"
}


def _small(**changes: Any) -> dict[str, Any]:
    sizes = {"q_lora_rank": 24, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8}
    routing = {"n_routed_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 48}
    # Many heads, because a score of exactly 0 from all of them makes ties that nobody breaks alike.
    index = {"index_topk": 8, "index_head_dim": 64, "index_n_heads": 32, "n_group": 4}
    both = {**sizes, **routing, **index, "topk_group": 2, "v_head_dim": 24, "n_shared_experts": 1}
    return tiny(first_k_dense_replace=1, num_key_value_heads=4, **both) | changes


CASES = (
    Case("indexed", _HF, _small(), peer_differs=_SCORING),
    Case("all_tokens", _HF, _small(index_topk=64, tie_word_embeddings=True), peer_differs=_SCORING),
    Case("biases", _HF, _small(attention_bias=True), refused="attention_bias"),
)
