"""Granite with sliding windows."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

MULTIPLIERS = {
    "attention_multiplier": 0.0625,
    "embedding_multiplier": 3.0,
    "residual_multiplier": 0.25,
    "logits_scaling": 4.0,
}


def _config(**changes: Any) -> dict[str, Any]:
    return tiny(sliding_window=8, **{"num_hidden_layers": 5, **MULTIPLIERS, **changes})


CASES = (
    Case("dense", "GraniteSWAForCausalLM", _config()),
    Case(
        "biases",
        "GraniteSWAForCausalLM",
        _config(attention_bias=True, mlp_bias=True, tie_word_embeddings=False, num_hidden_layers=2),
    ),
    Case(
        "partly_rotated",
        "GraniteSWAForCausalLM",
        _config(num_hidden_layers=3, layer_rope_theta=[0, 10000.0, 10000.0]),
        peer_differs={"rope_pattern": "it asks for no_rope_layers, which the class does not have"},
    ),
    Case(
        "experts",
        "GraniteMoeSWAForCausalLM",
        _config(num_local_experts=4, shared_intermediate_size=40),
    ),
    Case(
        "unshared",
        "GraniteMoeSWAForCausalLM",
        _config(num_local_experts=4, num_hidden_layers=2, layer_types=["sliding_attention"] * 2),
    ),
    Case(
        "two_bases",
        "GraniteSWAForCausalLM",
        _config(num_hidden_layers=2, layer_rope_theta=[10000.0, 500.0]),
        refused="layer_rope_theta is 500",
    ),
)
