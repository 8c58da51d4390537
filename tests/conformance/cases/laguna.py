"""Laguna: full attention, and windows with other numbers of heads."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

_HF = "LagunaForCausalLM"


def _rope(**full: Any) -> dict[str, Any]:
    plain = {"rope_type": "default", "rope_theta": 5e5, "partial_rotary_factor": 0.5, **full}
    local = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 1.0}
    return {"full_attention": plain, "sliding_attention": local}


def _small(**changes: Any) -> dict[str, Any]:
    routing = {"num_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 48}
    given = {**routing, "head_dim": 32, "shared_expert_intermediate_size": 80}
    return tiny(**{**given, "sliding_window": 8, "rope_parameters": _rope(), **changes})


_FULL, _LOCAL = "full_attention", "sliding_attention"
_WINDOWS = {
    "num_hidden_layers": 5,
    "layer_types": [_FULL, _LOCAL, _LOCAL, _LOCAL, _FULL],
    "num_attention_heads_per_layer": [4, 8, 8, 8, 4],
}
_UNUSED = {
    "sliding_window$": "no layer has a window; with the converter's key the loader gives three of "
    "four layers one"
}

CASES = (
    Case("windows", _HF, _small(**_WINDOWS, moe_routed_scaling_factor=2.5)),
    Case("full", _HF, _small(gating="per-element", tie_word_embeddings=True), peer_differs=_UNUSED),
    Case(
        "stacked",
        _HF,
        _small(**_WINDOWS),
        layout="stacked",
        peer_fails="the converter knows one tensor an expert only",
    ),
    Case(
        "other_pattern",
        _HF,
        _small(num_hidden_layers=3, layer_types=[_FULL, _FULL, _LOCAL]),
        peer_differs={"pattern": "the converter does not say which layers have a window"},
    ),
    Case(
        "yarn",
        _HF,
        _small(
            **_WINDOWS,
            rope_parameters=_rope(
                rope_type="yarn",
                factor=4.0,
                original_max_position_embeddings=32,
                beta_fast=32.0,
                beta_slow=1.0,
            ),
        ),
    ),
    Case("window_first", _HF, _small(layer_types=[_LOCAL, _FULL]), refused="layer_types"),
    Case("capped", _HF, _small(moe_router_logit_softcapping=30.0), refused="softcapping"),
    Case("biases", _HF, _small(attention_bias=True), refused="attention_bias"),
)
