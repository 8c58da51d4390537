"""Phi 3.5 MoE."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

GRAPH = (
    "src/models/phi3.cpp, which phimoe shares, builds its norms as LLM_NORM_RMS where the class "
    "has LayerNorm, and weighs the experts by a softmax where the class has its sparse mixer"
)


ROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "original_max_position_embeddings": 256,
    "long_factor": [1.0] * 8,
    "short_factor": [1.0] * 8,
    "long_mscale": 1.25,
    "short_mscale": 1.25,
}


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
        _config(
            rope_parameters=ROPE,
            original_max_position_embeddings=256,
            max_position_embeddings=1024,
        ),
        tokenizer="spm",
        noted="not quite the model",
        runtime_wrong=GRAPH,
        peer_differs={"attn_factor": "it takes Phi 3's formula for what the class's config says"},
        changes={"architectures": ["PhiMoEForCausalLM"]},
    ),
    Case(
        "stacked",
        "PhimoeForCausalLM",
        _config(),
        tokenizer="spm",
        layout="stacked",
        runtime_wrong=GRAPH,
        peer_fails="it knows the class by its older name only",
    ),
    Case(
        "two_scales",
        "PhimoeForCausalLM",
        _config(
            rope_parameters={**ROPE, "short_mscale": 1.0},
            original_max_position_embeddings=256,
            max_position_embeddings=1024,
        ),
        refused="short_mscale is 1",
    ),
    Case(
        "no_biases",
        "PhimoeForCausalLM",
        _config(attention_bias=False, lm_head_bias=False),
        tokenizer="spm",
        refused="attention_bias is false(.|\n)*lm_head_bias is false",
    ),
)
