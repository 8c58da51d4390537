"""Qwen 2 and 2.5."""

from __future__ import annotations

from conformance.case import Case, tiny

YARN = {
    "rope_type": "yarn",
    "rope_theta": 1000000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 32,
}

CASES = (
    Case("untied", "Qwen2ForCausalLM", tiny(), tokenizer="qwen2"),
    Case("tied", "Qwen2ForCausalLM", tiny(tie_word_embeddings=True), tokenizer="qwen2"),
    Case("yarn", "Qwen2ForCausalLM", tiny(rope_parameters=YARN), tokenizer="qwen2"),
    Case("one_key_head", "Qwen2ForCausalLM", tiny(num_key_value_heads=1), tokenizer="qwen2"),
    Case(
        "sliding_window",
        "Qwen2ForCausalLM",
        tiny(use_sliding_window=True, sliding_window=8, max_window_layers=1),
        tokenizer="qwen2",
        noted="sliding_window is 8",
        runtime_wrong="the graph attends to the whole context, as the note says",
    ),
)
