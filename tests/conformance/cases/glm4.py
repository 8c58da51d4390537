"""GLM 4 and the language model of GLM 4.1V."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

_HF, _SEES = "Glm4ForCausalLM", "Glm4vForConditionalGeneration"


def _wrapped(**rope: Any) -> dict[str, Any]:
    parameters = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5, **rope}
    vision = {"depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2}
    vision |= {"out_hidden_size": 64}
    return {"text_config": tiny(rope_parameters=parameters), "vision_config": vision}


def _small(**changes: Any) -> dict[str, Any]:
    return tiny(pad_token_id=0, eos_token_id=0, **changes)


CASES = (
    Case("plain", _HF, _small(head_dim=32)),
    Case("tied_no_bias", _HF, _small(head_dim=16, tie_word_embeddings=True, attention_bias=False)),
    Case(
        "whole_heads",
        _HF,
        _small(
            head_dim=16,
            rope_parameters={
                "rope_type": "default",
                "rope_theta": 1e4,
                "partial_rotary_factor": 1.0,
            },
        ),
    ),
    Case("wrapper", _SEES, _wrapped(mrope_section=[1, 1, 2]), noted="parts are left out"),
    Case("wrapper_sections", _SEES, _wrapped(mrope_section=[1, 1, 1]), refused="mrope_section"),
)
