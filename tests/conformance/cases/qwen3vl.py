"""Qwen 3 VL: the language model of a wrapper."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny


def _wrapped(sections: list[int] | None = None, **changes: Any) -> dict[str, Any]:
    rope = {"rope_type": "default", "rope_theta": 5e6, "mrope_interleaved": True}
    text = tiny(head_dim=32, rope_parameters=rope | {"mrope_section": sections or [6, 5, 5]})
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2}
    vision |= {"out_hidden_size": 64, "deepstack_visual_indexes": [0]}
    return {"text_config": text | changes, "vision_config": vision}


_HF = "Qwen3VLForConditionalGeneration"
_SILENT = {"rope_type": "default", "rope_theta": 5e6}

CASES = (
    Case("wrapper", _HF, _wrapped(), tokenizer="qwen2", noted="parts are left out"),
    Case("tied", _HF, {**_wrapped(), "tie_word_embeddings": True}, tokenizer="qwen2"),
    Case(
        "sections_by_class",
        _HF,
        _wrapped(rope_parameters=_SILENT),
        tokenizer="qwen2",
        peer_differs={
            "dimension_sections": "the converter does not know the class's own sections, and "
            "llama.cpp does not load the file without",
        },
    ),
    Case(
        "sections_uneven",
        _HF,
        _wrapped([8, 4, 4]),
        tokenizer="qwen2",
        noted="llama.cpp does not",
    ),
    Case("biases", _HF, _wrapped(attention_bias=True), tokenizer="qwen2", refused="attention_bias"),
)
