"""Phi 3, 3.5 and 4."""

from __future__ import annotations

from typing import Any

from conformance.case import Case
from conformance.case import tiny as small


def _longrope(original: int, factors: int = 8) -> dict[str, Any]:
    return {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "original_max_position_embeddings": original,
        "long_factor": [1.0 + 0.5 * i for i in range(factors)],
        "short_factor": [1.0 + 0.125 * i for i in range(factors)],
    }


def tiny(**changes: Any) -> dict[str, Any]:
    """Return a configuration whose padding is inside the small vocabulary."""
    return small(pad_token_id=0, **changes)


VISION = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
    "crop_size": 28,
    "image_token_id": 5,
}
AUDIO = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_blocks": 1,
    "num_attention_heads": 2,
    "nemo_conv_channels": 32,
    "ext_pw_out_channel": 32,
    "depthwise_separable_out_channel": 32,
    "audio_token_id": 6,
}
WINDOW = "the graph attends to the whole context, as the note says"

CASES = (
    Case("untied", "Phi3ForCausalLM", tiny(), tokenizer="spm"),
    Case(
        "tied",
        "Phi3ForCausalLM",
        tiny(tie_word_embeddings=True, num_key_value_heads=1),
        tokenizer="spm",
    ),
    Case(
        "long_factors",
        "Phi3ForCausalLM",
        tiny(rope_parameters=_longrope(16), original_max_position_embeddings=16),
        tokenizer="spm",
        noted="longrope",
    ),
    Case(
        "short_factors",
        "Phi3ForCausalLM",
        tiny(
            rope_parameters=_longrope(256),
            original_max_position_embeddings=256,
            max_position_embeddings=1024,
        ),
        tokenizer="spm",
    ),
    Case(
        "partly_rotated",
        "Phi3ForCausalLM",
        tiny(
            hidden_size=128,
            rope_parameters={**_longrope(16, 12), "partial_rotary_factor": 0.75},
            original_max_position_embeddings=16,
        ),
        tokenizer="spm",
    ),
    Case(
        "window",
        "Phi3ForCausalLM",
        tiny(sliding_window=8),
        tokenizer="spm",
        noted="sliding_window is 8",
        runtime_wrong=WINDOW,
    ),
    Case(
        "multimodal",
        "Phi4MultimodalForCausalLM",
        tiny(vision_config=VISION, audio_config=AUDIO),
        tokenizer="spm",
        noted="only the text model is converted",
        peer_fails="it does not know the class",
    ),
    Case("gelu", "Phi3ForCausalLM", tiny(hidden_act="gelu"), refused="hidden_act"),
)
