"""Granite, dense."""

from __future__ import annotations

from conformance.case import Case, tiny
from conformance.recurrent import STATELESS

MULTIPLIERS = {
    "attention_multiplier": 0.0625,
    "embedding_multiplier": 3.0,
    "residual_multiplier": 0.25,
    "logits_scaling": 4.0,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}

FACTORS = "its list of Granite's tensors lacks the factors that the runtime loads"

_HYBRID = tiny(
    layer_types=["full_attention"] * 2,
    shared_intermediate_size=80,
    intermediate_size=80,
    num_local_experts=0,
    num_experts_per_tok=0,
    mamba_n_heads=8,
    **MULTIPLIERS,
)
_RELEASED = {"layer_types": ["attention"] * 2}

CASES = (
    Case("untied", "GraniteForCausalLM", tiny()),
    Case("multipliers", "GraniteForCausalLM", tiny(tie_word_embeddings=True, **MULTIPLIERS)),
    Case("biases", "GraniteForCausalLM", tiny(attention_bias=True, mlp_bias=True, **MULTIPLIERS)),
    Case("llama3_rope", "GraniteForCausalLM", tiny(rope_parameters=LLAMA3), peer_fails=FACTORS),
    Case(
        "head_dim",
        "GraniteForCausalLM",
        tiny(num_key_value_heads=1),
        changes={"head_dim": 16},
    ),
    Case(
        "hybrid_class",
        "GraniteMoeHybridForCausalLM",
        {**_HYBRID, "position_embedding_type": "rope"},
        changes=_RELEASED,
        peer_differs=STATELESS,
    ),
    Case(
        "no_positions",
        "GraniteMoeHybridForCausalLM",
        _HYBRID,
        changes=_RELEASED,
        peer_differs={**STATELESS, "finetuned": "it takes models without a state for rotated ones"},
    ),
    Case("gelu", "GraniteForCausalLM", tiny(hidden_act="gelu"), refused="hidden_act"),
)
