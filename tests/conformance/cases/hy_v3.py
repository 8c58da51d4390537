"""Hunyuan 3."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

_HF = "HYV3ForCausalLM"


def _small(**changes: Any) -> dict[str, Any]:
    routing = {"num_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 48}
    return tiny(**{**routing, "head_dim": 32, "num_shared_experts": 1, **changes})


CASES = (
    Case("plain", _HF, _small()),
    Case(
        "stacked",
        _HF,
        _small(num_shared_experts=2, tie_word_embeddings=True),
        layout="stacked",
        peer_fails="it knows one tensor an expert",
    ),
    Case("all_sparse", _HF, _small(mlp_layer_types=["sparse"] * 2)),
    Case("sparse_first", _HF, _small(mlp_layer_types=["sparse", "dense"]), refused="mlp_layer"),
    Case("biases", _HF, _small(attention_bias=True), refused="attention_bias"),
)
