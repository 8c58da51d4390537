"""StarCoder 2."""

from __future__ import annotations

from conformance.case import Case, tiny

CASES = (
    Case("tied", "Starcoder2ForCausalLM", tiny(sliding_window=None)),
    Case("untied", "Starcoder2ForCausalLM", tiny(tie_word_embeddings=False)),
    Case("one_key_head", "Starcoder2ForCausalLM", tiny(num_key_value_heads=1)),
    Case(
        "window",
        "Starcoder2ForCausalLM",
        tiny(sliding_window=8),
        noted="sliding_window is 8",
        runtime_wrong="the graph attends to the whole context, as the note says",
    ),
    Case("no_biases", "Starcoder2ForCausalLM", tiny(use_bias=False), refused="use_bias is false"),
    Case("silu", "Starcoder2ForCausalLM", tiny(hidden_act="silu"), refused="hidden_act"),
)
