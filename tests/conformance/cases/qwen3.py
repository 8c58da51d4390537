"""Qwen 3, dense."""

from __future__ import annotations

from conformance.case import Case, tiny

CASES = (
    Case("untied", "Qwen3ForCausalLM", tiny(head_dim=32), tokenizer="qwen2"),
    Case("tied", "Qwen3ForCausalLM", tiny(tie_word_embeddings=True), tokenizer="qwen2"),
    Case("head_dim_derived", "Qwen3ForCausalLM", tiny(head_dim=16), tokenizer="qwen2"),
    Case(
        "biases",
        "Qwen3ForCausalLM",
        tiny(attention_bias=True),
        tokenizer="qwen2",
        refused="attention_bias",
    ),
)
