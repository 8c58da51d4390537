"""Arcee."""

from __future__ import annotations

from conformance.case import Case, tiny
from conformance.cases.llama import LLAMA3

CASES = (
    Case("untied", "ArceeForCausalLM", tiny()),
    Case("tied", "ArceeForCausalLM", tiny(tie_word_embeddings=True, head_dim=32)),
    Case("llama3_rope", "ArceeForCausalLM", tiny(rope_parameters=LLAMA3), tokenizer="llama3"),
    Case("biases", "ArceeForCausalLM", tiny(attention_bias=True), refused="attention_bias"),
    Case("mlp_biases", "ArceeForCausalLM", tiny(mlp_bias=True), refused="mlp_bias"),
    Case("silu", "ArceeForCausalLM", tiny(hidden_act="silu"), refused="hidden_act"),
)
