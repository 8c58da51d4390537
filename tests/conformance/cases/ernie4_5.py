"""ERNIE 4.5 without experts."""

from __future__ import annotations

from conformance.case import Case, tiny

CASES = (
    Case("tied", "Ernie4_5ForCausalLM", tiny(head_dim=32), tokenizer="spm"),
    Case(
        "untied",
        "Ernie4_5ForCausalLM",
        tiny(head_dim=16, num_key_value_heads=1, tie_word_embeddings=False),
        tokenizer="spm",
    ),
    Case("biases", "Ernie4_5ForCausalLM", tiny(head_dim=16, use_bias=True), refused="use_bias"),
    Case("gelu", "Ernie4_5ForCausalLM", tiny(head_dim=16, hidden_act="gelu"), refused="hidden_act"),
)
