"""Jais 2."""

from __future__ import annotations

from conformance.case import Case, tiny

CLASS = "Jais2ForCausalLM"
SMALL = tiny(num_key_value_heads=4)

CASES = (
    Case("untied", CLASS, SMALL),
    Case("tied", CLASS, {**SMALL, "tie_word_embeddings": True}),
    Case("biases", CLASS, {**SMALL, "attention_bias": False}, refused="attention_bias"),
    Case("silu", CLASS, {**SMALL, "hidden_act": "silu"}, refused="hidden_act"),
    Case("grouped", CLASS, tiny(), refused="key heads"),
)
