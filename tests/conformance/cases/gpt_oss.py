"""gpt-oss, its experts unpacked."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

TIED = "llama.cpp does not load the file without output.weight, so the embedding is copied"
PATTERN = "it takes every other layer for granted"
PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 150000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 32,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
}


def _config(**changes: Any) -> dict[str, Any]:
    return tiny(
        num_local_experts=4,
        num_experts_per_tok=2,
        **{"head_dim": 16, "sliding_window": 8, "rope_parameters": PLAIN, **changes},
    )


CASES = (
    Case("experts", "GptOssForCausalLM", _config()),
    Case("wide_heads", "GptOssForCausalLM", _config(head_dim=32, num_hidden_layers=3)),
    Case("yarn", "GptOssForCausalLM", _config(rope_parameters={**YARN, "truncate": True})),
    Case(
        "released_yarn",
        "GptOssForCausalLM",
        _config(rope_parameters={**YARN, "truncate": False}),
        noted="ends of the ramp",
        runtime_wrong="ggml_rope_yarn_corr_dims rounds the ends of the ramp to whole dimensions",
    ),
    Case(
        "tied",
        "GptOssForCausalLM",
        _config(tie_word_embeddings=True),
        peer_differs={"^output.weight$": TIED},
    ),
    Case(
        "other_layers",
        "GptOssForCausalLM",
        _config(layer_types=["full_attention", "sliding_attention"]),
        peer_differs={"sliding_window_pattern": PATTERN},
    ),
    Case("limit", "GptOssForCausalLM", _config(swiglu_limit=3.0), refused="swiglu_limit is 3"),
    Case("no_biases", "GptOssForCausalLM", _config(attention_bias=False), refused="attention_bias"),
)
