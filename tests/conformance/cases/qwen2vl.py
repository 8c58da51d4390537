"""Qwen 2 VL and 2.5 VL: the language models of wrappers."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny


def _wrapped(sections: list[int] | None = None, **changes: Any) -> dict[str, Any]:
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": sections or [2, 3, 3]}
    text = tiny(rope_parameters=rope) | changes
    vision = {"depth": 1, "embed_dim": 32, "hidden_size": 64, "num_heads": 2}
    return {"text_config": text, "vision_config": vision}


_V2, _V25 = "Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration"

CASES = (
    Case("wrapper", _V2, _wrapped(), tokenizer="qwen2", noted="parts are left out"),
    Case(
        "wrapper_tied",
        _V2,
        {**_wrapped(), "tie_word_embeddings": True},
        tokenizer="qwen2",
    ),
    Case(
        "version_2_5",
        _V25,
        {
            **_wrapped(),
            "vision_config": {
                "depth": 1,
                "hidden_size": 32,
                "intermediate_size": 32,
                "num_heads": 2,
                "out_hidden_size": 64,
            },
        },
        tokenizer="qwen2",
    ),
    Case(
        "older_config",
        _V2,
        _wrapped(),
        tokenizer="qwen2",
        changes={
            "text_config.rope_parameters": None,
            "text_config.rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
            "text_config.rope_theta": 1e6,
        },
        rename={"model.language_model.": "model.", "model.visual.": "visual."},
    ),
    Case(
        "sections",
        _V2,
        _wrapped([2, 2, 2]),
        tokenizer="qwen2",
        refused="mrope_section",
    ),
)
