"""Gemma."""

from __future__ import annotations

from conformance.case import Case, tiny

CASES = (
    Case("tied", "GemmaForCausalLM", tiny(head_dim=16), tokenizer="spm"),
    Case("head_dim", "GemmaForCausalLM", tiny(head_dim=32), tokenizer="spm"),
    Case(
        "one_key_head",
        "GemmaForCausalLM",
        tiny(head_dim=16, num_key_value_heads=1),
        tokenizer="spm",
    ),
    Case(
        "theta",
        "GemmaForCausalLM",
        tiny(head_dim=16, rope_parameters={"rope_type": "default", "rope_theta": 500.0}),
        tokenizer="spm",
        peer_differs={"rope.freq_base$": "it takes 10000 for granted"},
    ),
    Case("exact_gelu", "GemmaForCausalLM", tiny(head_dim=16, hidden_act="gelu"), tokenizer="spm"),
    Case(
        "biases",
        "GemmaForCausalLM",
        tiny(head_dim=16, attention_bias=True),
        tokenizer="spm",
        refused="attention_bias",
    ),
    Case(
        "untied",
        "GemmaForCausalLM",
        tiny(head_dim=16, tie_word_embeddings=False),
        tokenizer="spm",
        refused="tie_word_embeddings is false",
    ),
    Case(
        "relu",
        "GemmaForCausalLM",
        tiny(head_dim=16, hidden_act="relu"),
        tokenizer="spm",
        refused="hidden_act",
    ),
)
