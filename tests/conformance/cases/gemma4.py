"""Gemma 4: the text model alone and inside the model that also sees and hears."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny


def _config(**changes: Any) -> dict[str, Any]:
    """Return a configuration with two layers without a window and a window below the text."""
    return tiny(
        **{
            "head_dim": 16,
            "global_head_dim": 32,
            "sliding_window": 8,
            "num_hidden_layers": 6,
            "layer_types": ["sliding_attention", "sliding_attention", "full_attention"] * 2,
            "hidden_size_per_layer_input": 8,
            "vocab_size_per_layer_input": 309,
            "pad_token_id": 0,
            **changes,
        },
    )


_EXPERTS = {
    "hidden_size_per_layer_input": 0,
    "enable_moe_block": True,
    "num_experts": 4,
    "top_k_experts": 2,
    "moe_intermediate_size": 24,
}

VISION = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "patch_size": 4,
}
UNCAPPED = {"final_logit_softcapping": "without the key the runtime caps at 30"}

CASES = (
    Case(
        "layer_embeddings",
        "Gemma4ForCausalLM",
        _config(),
        tokenizer="spm",
        peer_differs=UNCAPPED,
    ),
    Case(
        "fewer_layer_tokens",
        "Gemma4ForCausalLM",
        _config(vocab_size_per_layer_input=280, final_logit_softcapping=30.0),
        tokenizer="spm",
        vocabulary=(3, 250),
        peer_differs={"token_embd": "it leaves out the rows of tokens without a layer embedding"},
    ),
    Case(
        "without",
        "Gemma4ForCausalLM",
        _config(
            hidden_size_per_layer_input=0,
            num_global_key_value_heads=1,
            attention_k_eq_v=True,
            final_logit_softcapping=3.0,
            tie_word_embeddings=False,
        ),
        tokenizer="spm",
    ),
    Case(
        "shared_keys",
        "Gemma4ForCausalLM",
        _config(num_kv_shared_layers=3, use_double_wide_mlp=True),
        tokenizer="spm",
        peer_differs=UNCAPPED,
    ),
    Case(
        "experts",
        "Gemma4ForCausalLM",
        _config(**_EXPERTS),
        tokenizer="spm",
        peer_differs=UNCAPPED,
    ),
    Case(
        "all_rotated",
        "Gemma4ForCausalLM",
        _config(
            rope_parameters={
                "full_attention": {"rope_type": "default", "rope_theta": 1e4},
                "sliding_attention": {"rope_type": "default", "rope_theta": 500.0},
            }
        ),
        tokenizer="spm",
        peer_fails="it knows the released models' rotation only",
    ),
    Case(
        "older_fields",
        "Gemma4ForCausalLM",
        _config(hidden_size_per_layer_input=0, attention_k_eq_v=True, num_global_key_value_heads=1),
        tokenizer="spm",
        changes={
            "per_layer_config": None,
            "global_head_dim": 32,
            "num_global_key_value_heads": 1,
            "rope_parameters": None,
        },
        peer_differs=UNCAPPED,
    ),
    Case(
        "wrapped",
        "Gemma4ForConditionalGeneration",
        {"text_config": _config(), "vision_config": VISION, "image_token_id": 300},
        tokenizer="spm",
        noted="only the text model is converted",
        peer_differs=UNCAPPED,
    ),
    Case(
        "lenders",
        "Gemma4ForCausalLM",
        _config(num_kv_shared_layers=2),
        tokenizer="spm",
        refused="num_kv_shared_layers is 2",
    ),
    Case(
        "bidirectional",
        "Gemma4ForCausalLM",
        _config(use_bidirectional_attention="all"),
        tokenizer="spm",
        refused="use_bidirectional_attention",
    ),
)
