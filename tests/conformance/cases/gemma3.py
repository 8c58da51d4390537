"""Gemma 3: the text model alone and inside the model that also sees."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny


def _config(**changes: Any) -> dict[str, Any]:
    """Return a configuration whose window is shorter than the text."""
    return tiny(head_dim=16, query_pre_attn_scalar=16, sliding_window=8, **changes)


_LOCAL = {"rope_type": "default", "rope_theta": 100.0}
PATTERN = {"sliding_window": "it takes five windows and one layer without for granted"}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}

CASES = (
    Case("windows", "Gemma3ForCausalLM", _config(num_hidden_layers=7), tokenizer="spm"),
    Case("untied", "Gemma3ForCausalLM", _config(tie_word_embeddings=False), tokenizer="spm"),
    Case(
        "two_bases",
        "Gemma3ForCausalLM",
        _config(
            num_hidden_layers=6,
            rope_parameters={
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                "sliding_attention": _LOCAL,
            },
        ),
        tokenizer="spm",
    ),
    Case(
        "scaled_without_base",
        "Gemma3ForCausalLM",
        _config(num_hidden_layers=6),
        tokenizer="spm",
        changes={"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 4.0}}},
    ),
    Case(
        "scaled_windows",
        "Gemma3ForCausalLM",
        _config(
            rope_parameters={
                "full_attention": _LOCAL,
                "sliding_attention": {**_LOCAL, "rope_type": "linear", "factor": 2.0},
            }
        ),
        tokenizer="spm",
        refused="rope_parameters.sliding_attention",
    ),
    Case(
        "older_fields",
        "Gemma3ForCausalLM",
        _config(num_hidden_layers=6),
        tokenizer="spm",
        changes={
            "rope_parameters": None,
            "layer_types": None,
            "rope_theta": 5e5,
            "rope_local_base_freq": 500.0,
            "rope_scaling": {"rope_type": "linear", "factor": 4.0},
        },
    ),
    Case(
        "wide_heads",
        "Gemma3ForCausalLM",
        tiny(head_dim=32, query_pre_attn_scalar=32, sliding_window=8, num_key_value_heads=1),
        tokenizer="spm",
    ),
    Case(
        "no_windows",
        "Gemma3ForCausalLM",
        _config(
            layer_types=["full_attention", "full_attention"],
            rope_parameters={
                "full_attention": {
                    "rope_type": "yarn",
                    "rope_theta": 1e4,
                    "factor": 4.0,
                    "original_max_position_embeddings": 32,
                },
                "sliding_attention": _LOCAL,
            },
        ),
        tokenizer="spm",
        peer_differs=PATTERN,
    ),
    Case(
        "period",
        "Gemma3ForCausalLM",
        _config(num_hidden_layers=4, sliding_window_pattern=2),
        tokenizer="spm",
        peer_differs=PATTERN,
    ),
    Case("final_cap", "Gemma3ForCausalLM", _config(final_logit_softcapping=2.0), tokenizer="spm"),
    Case(
        "wrapped",
        "Gemma3ForConditionalGeneration",
        {
            "text_config": _config(),
            "vision_config": VISION,
            "mm_tokens_per_image": 4,
            "image_token_index": 300,
        },
        tokenizer="spm",
        noted="only the text model is converted",
    ),
    Case(
        "states",
        "Gemma3TextModel",
        _config(),
        tokenizer="spm",
        kind="states",
        peer_differs={
            "gemma3|architecture": "it takes every model of this class for EmbeddingGemma's kind"
        },
    ),
    Case(
        "scale",
        "Gemma3ForCausalLM",
        tiny(head_dim=16, query_pre_attn_scalar=64),
        tokenizer="spm",
        refused="query_pre_attn_scalar is 64; .* only 16",
    ),
    Case(
        "capped_attention",
        "Gemma3ForCausalLM",
        _config(attn_logit_softcapping=5.0),
        tokenizer="spm",
        refused="attn_logit_softcapping",
    ),
)
