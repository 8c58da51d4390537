"""Command R7B and its kin."""

from __future__ import annotations

from conformance.case import Case, tiny

PERCENT = "it asks for rotary_pct, which the class does not have"
_PERCENT = {"rotary_pct": 1.0}

CASES = (
    Case(
        "windows",
        "Cohere2ForCausalLM",
        tiny(sliding_window=8, num_hidden_layers=5),
        peer_fails=PERCENT,
    ),
    Case(
        "with_percent",
        "Cohere2ForCausalLM",
        tiny(sliding_window=8, num_hidden_layers=5, logit_scale=0.5),
        changes=_PERCENT,
    ),
    Case(
        "other_layers",
        "Cohere2ForCausalLM",
        tiny(
            sliding_window=8,
            num_hidden_layers=3,
            layer_types=["full_attention", "full_attention", "sliding_attention"],
        ),
        changes=_PERCENT,
        peer_differs={"sliding_window_pattern": "it takes a period of four for granted"},
    ),
    Case("biases", "Cohere2ForCausalLM", tiny(attention_bias=True), refused="attention_bias"),
    Case(
        "partly_rotated",
        "Cohere2ForCausalLM",
        tiny(),
        changes={"rotary_pct": 0.5},
        refused="rotary_pct is 0.5",
    ),
    Case(
        "dynamic",
        "Cohere2ForCausalLM",
        tiny(rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}),
        refused="rope_type",
    ),
)
