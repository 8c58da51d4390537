"""Phi 1, 1.5 and 2."""

from __future__ import annotations

from conformance.case import Case, tiny

TIED = "llama.cpp does not load the file without output.weight, so the embedding is copied"
ROTARY = {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.25}
SQUARE = tiny(intermediate_size=256, num_key_value_heads=4)

CASES = (
    Case("released_shapes", "PhiForCausalLM", SQUARE),
    Case(
        "inner_width",
        "PhiForCausalLM",
        tiny(num_key_value_heads=4),
        peer_differs={"feed_forward_length": "it takes four times the width for granted"},
    ),
    Case(
        "grouped",
        "PhiForCausalLM",
        {**SQUARE, "num_key_value_heads": 2, "rope_parameters": ROTARY},
        peer_differs={
            "head_count_kv": "it takes as many key heads as query heads for granted",
            "rope.freq_base$": "it takes 10000 for granted",
        },
    ),
    Case(
        "tied",
        "PhiForCausalLM",
        {**SQUARE, "tie_word_embeddings": True},
        peer_differs={"^output.weight$": TIED},
    ),
    Case("head_norms", "PhiForCausalLM", {**SQUARE, "qk_layernorm": True}, refused="qk_layernorm"),
    Case("relu", "PhiForCausalLM", {**SQUARE, "hidden_act": "relu"}, refused="hidden_act"),
)
