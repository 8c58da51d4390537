"""Nemotron and Minitron."""

from __future__ import annotations

from conformance.case import Case, tiny

TIED = "llama.cpp does not load the file without output.weight, so the embedding is copied"

CASES = (
    Case("untied", "NemotronForCausalLM", tiny(head_dim=16), tokenizer="spm"),
    Case(
        "biases",
        "NemotronForCausalLM",
        tiny(head_dim=16, attention_bias=True, mlp_bias=True),
        tokenizer="spm",
    ),
    Case(
        "linear",
        "NemotronForCausalLM",
        tiny(
            head_dim=16,
            num_key_value_heads=4,
            rope_parameters={
                "rope_type": "linear",
                "factor": 4.0,
                "rope_theta": 500.0,
                "partial_rotary_factor": 0.25,
            },
        ),
        tokenizer="spm",
    ),
    Case(
        "tied",
        "NemotronForCausalLM",
        tiny(head_dim=16, tie_word_embeddings=True),
        tokenizer="spm",
        peer_differs={"^output.weight$": TIED},
    ),
    Case("silu", "NemotronForCausalLM", tiny(hidden_act="silu"), refused="hidden_act"),
)
