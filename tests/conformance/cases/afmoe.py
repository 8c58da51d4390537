"""Arcee's Trinity."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

_HF = "AfmoeForCausalLM"
_PEER = {
    "expert_weights": "the class always divides the weights by their sum; the converter reads it "
    "from a field that the class does not write"
}
_EMBEDDING = {
    r"token_embd\.|^output\.weight": "without mup_enabled the class does not multiply the "
    "embedding, llama.cpp does: the factor is taken off here"
}


def _small(**changes: Any) -> dict[str, Any]:
    routing = {"num_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 48}
    both = {**routing, "num_shared_experts": 1, "num_dense_layers": 1, "sliding_window": 8}
    return tiny(num_hidden_layers=5, head_dim=32, mup_enabled=True, **both) | changes


CASES = (
    Case("plain", _HF, _small(route_scale=2.5), peer_differs=_PEER),
    Case(
        "stacked",
        _HF,
        _small(num_shared_experts=2),
        layout="stacked",
        peer_fails="it knows one tensor an expert",
    ),
    Case("tied", _HF, _small(tie_word_embeddings=True), peer_differs=_PEER),
    Case("embedding_unscaled", _HF, _small(mup_enabled=False), peer_differs=_PEER | _EMBEDDING),
    Case(
        "embedding_unscaled_tied",
        _HF,
        _small(mup_enabled=False, tie_word_embeddings=True),
        peer_differs=_PEER | _EMBEDDING,
    ),
    Case("period", _HF, _small(global_attn_every_n_layers=2), refused="layer_types"),
    Case("biases", _HF, _small(attention_bias=True), refused="attention_bias"),
)
