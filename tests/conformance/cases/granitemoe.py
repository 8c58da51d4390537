"""Granite MoE, with and without a shared expert."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny
from conformance.recurrent import STATELESS

MULTIPLIERS = {
    "attention_multiplier": 0.0625,
    "embedding_multiplier": 3.0,
    "residual_multiplier": 0.25,
    "logits_scaling": 4.0,
}


def _config(**changes: Any) -> dict[str, Any]:
    return tiny(num_local_experts=4, num_experts_per_tok=2, **changes)


CASES = (
    Case("experts", "GraniteMoeForCausalLM", _config()),
    Case("multipliers", "GraniteMoeForCausalLM", _config(tie_word_embeddings=True, **MULTIPLIERS)),
    Case(
        "stacked",
        "GraniteMoeForCausalLM",
        _config(),
        layout="stacked",
        peer_fails="it knows the names of the released checkpoints only",
    ),
    Case("biases", "GraniteMoeForCausalLM", _config(attention_bias=True)),
    Case(
        "shared",
        "GraniteMoeSharedForCausalLM",
        _config(shared_intermediate_size=40, **MULTIPLIERS),
    ),
    Case("shared_off", "GraniteMoeSharedForCausalLM", _config(shared_intermediate_size=0)),
    Case(
        "hybrid_class",
        "GraniteMoeHybridForCausalLM",
        _config(
            layer_types=["full_attention"] * 2,
            position_embedding_type="rope",
            shared_intermediate_size=80,
            mamba_n_heads=8,
            **MULTIPLIERS,
        ),
        changes={"layer_types": ["attention"] * 2},
        peer_differs=STATELESS,
    ),
    Case("gelu", "GraniteMoeForCausalLM", _config(hidden_act="gelu"), refused="hidden_act"),
)
