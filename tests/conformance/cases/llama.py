"""Llama, and the classes that llama.cpp maps to it."""

from __future__ import annotations

from conformance.case import Case, tiny

LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}

CASES = (
    Case("untied", "LlamaForCausalLM", tiny()),
    Case("tied", "LlamaForCausalLM", tiny(tie_word_embeddings=True)),
    Case("biases", "LlamaForCausalLM", tiny(attention_bias=True, mlp_bias=True)),
    Case("llama3_rope", "LlamaForCausalLM", tiny(rope_parameters=LLAMA3), tokenizer="llama3"),
    Case("head_dim", "LlamaForCausalLM", tiny(head_dim=32)),
    Case("one_key_head", "LlamaForCausalLM", tiny(num_key_value_heads=1)),
    Case("ungrouped_spm", "LlamaForCausalLM", tiny(num_key_value_heads=4), tokenizer="spm"),
    Case("mistral", "MistralForCausalLM", tiny(head_dim=24, sliding_window=None), tokenizer="spm"),
)
