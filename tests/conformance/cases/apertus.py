"""Apertus."""

from __future__ import annotations

from conformance.case import Case, tiny

POWER = {"rope_freqs": "torch's power in float32 is not the nearest number; one factor's last bit"}

CASES = (
    Case("llama3_rope", "ApertusForCausalLM", tiny(), peer_differs=POWER),
    Case("default_rope", "ApertusForCausalLM", tiny(rope_parameters={"rope_theta": 10000.0})),
    Case(
        "biases",
        "ApertusForCausalLM",
        tiny(attention_bias=True, num_key_value_heads=1),
        peer_differs=POWER,
    ),
    Case("tied", "ApertusForCausalLM", tiny(tie_word_embeddings=True), refused="tie_word_emb"),
    Case("silu", "ApertusForCausalLM", tiny(hidden_act="silu"), refused="hidden_act"),
)
