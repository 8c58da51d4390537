"""OLMo 1."""

from __future__ import annotations

from conformance.case import Case, tiny

CASES = (
    Case("untied", "OlmoForCausalLM", tiny()),
    Case("tied", "OlmoForCausalLM", tiny(tie_word_embeddings=True, num_key_value_heads=1)),
    Case("clipped", "OlmoForCausalLM", tiny(clip_qkv=0.75, num_key_value_heads=4)),
    Case("biases", "OlmoForCausalLM", tiny(attention_bias=True), refused="attention_bias"),
)
