"""SmolLM 3."""

from __future__ import annotations

from conformance.case import Case, tiny

SMALL = tiny(num_hidden_layers=5, pad_token_id=0)

CASES = (
    Case("tied", "SmolLM3ForCausalLM", SMALL, tokenizer="llama3"),
    Case("untied", "SmolLM3ForCausalLM", {**SMALL, "tie_word_embeddings": False}),
    Case(
        "no_rope_layers",
        "SmolLM3ForCausalLM",
        {**SMALL, "no_rope_layers": [1, 1, 0, 1, 1]},
        refused="no_rope_layers",
    ),
    Case(
        "interval",
        "SmolLM3ForCausalLM",
        {**SMALL, "no_rope_layer_interval": 3},
        changes={"no_rope_layers": None},
        refused="no_rope_layer_interval",
    ),
    Case("biases", "SmolLM3ForCausalLM", {**SMALL, "attention_bias": True}, refused="attention_b"),
    Case(
        "sliding_window",
        "SmolLM3ForCausalLM",
        {**SMALL, "use_sliding_window": True, "sliding_window": 8},
        noted="sliding_window is 8",
        runtime_wrong="the graph attends to the whole context, as the note says",
    ),
)
