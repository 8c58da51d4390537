"""Gemma 2."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny


def _config(**changes: Any) -> dict[str, Any]:
    """Return a configuration whose window is shorter than the text."""
    return tiny(head_dim=16, query_pre_attn_scalar=16, sliding_window=8, **changes)


PATTERN = "sliding_window_pattern"

CASES = (
    Case("windows", "Gemma2ForCausalLM", _config(), tokenizer="spm"),
    Case(
        "head_dim",
        "Gemma2ForCausalLM",
        tiny(head_dim=32, query_pre_attn_scalar=32, sliding_window=8, num_hidden_layers=3),
        tokenizer="spm",
    ),
    Case(
        "other_layers",
        "Gemma2ForCausalLM",
        _config(
            num_hidden_layers=3,
            layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        ),
        tokenizer="spm",
        peer_differs={PATTERN: "it takes every other layer for granted"},
    ),
    Case(
        "irregular_layers",
        "Gemma2ForCausalLM",
        _config(
            num_hidden_layers=3,
            layer_types=["full_attention", "sliding_attention", "sliding_attention"],
        ),
        tokenizer="spm",
        peer_differs={PATTERN: "it takes every other layer for granted"},
    ),
    Case(
        "caps",
        "Gemma2ForCausalLM",
        _config(attn_logit_softcapping=2.0, final_logit_softcapping=3.0),
        tokenizer="spm",
    ),
    Case(
        "uncapped",
        "Gemma2ForCausalLM",
        {**_config(), "attn_logit_softcapping": None, "final_logit_softcapping": None},
        tokenizer="spm",
        peer_fails="it takes the caps for granted",
    ),
    Case(
        "scale",
        "Gemma2ForCausalLM",
        tiny(head_dim=16, query_pre_attn_scalar=24),
        tokenizer="spm",
        refused="query_pre_attn_scalar is 24; .* only 16",
    ),
    Case(
        "no_windows",
        "Gemma2ForCausalLM",
        _config(layer_types=["full_attention", "full_attention"]),
        tokenizer="spm",
        refused="layer_types",
    ),
    Case(
        "bidirectional",
        "Gemma2ForCausalLM",
        _config(use_bidirectional_attention=True),
        tokenizer="spm",
        refused="use_bidirectional_attention",
    ),
)
