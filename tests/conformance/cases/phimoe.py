"""Phi 3.5 MoE."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

GRAPH = (
    "src/models/phi3.cpp, which phimoe shares, builds its norms as LLM_NORM_RMS where the class "
    "has LayerNorm, and weighs the experts by a softmax where the class has its sparse mixer"
)


def _config(**changes: Any) -> dict[str, Any]:
    return tiny(
        num_local_experts=4,
        num_experts_per_tok=2,
        **{"attention_bias": True, "lm_head_bias": True, **changes},
    )


CASES = (
    Case(
        "experts",
        "PhimoeForCausalLM",
        _config(),
        tokenizer="spm",
        noted="not quite the model",
        runtime_wrong=GRAPH,
        changes={"architectures": ["PhiMoEForCausalLM"]},
    ),
    Case(
        "no_biases",
        "PhimoeForCausalLM",
        _config(attention_bias=False, lm_head_bias=False),
        tokenizer="spm",
        refused="attention_bias is false(.|\n)*lm_head_bias is false",
    ),
)
