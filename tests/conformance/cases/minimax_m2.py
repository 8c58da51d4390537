"""MiniMax M2."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

_HF = "MiniMaxM2ForCausalLM"


def _small(**changes: Any) -> dict[str, Any]:
    routing = {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 32}
    rope = {"rope_type": "default", "rope_theta": 5e6, "partial_rotary_factor": 0.5}
    return tiny(**routing, rope_parameters=rope) | changes


_RELEASED = {"scoring_func": "sigmoid", "rotary_dim": 16, "use_qk_norm": True}

CASES = (
    Case("plain", _HF, _small(), changes=_RELEASED),
    Case(
        "stacked",
        _HF,
        _small(),
        layout="stacked",
        changes=_RELEASED,
        peer_fails="the converter knows one tensor an expert only",
    ),
    Case(
        "tied_by_class",
        _HF,
        _small(tie_word_embeddings=True),
        peer_fails="it asks for rotary_dim, which the class does not write",
    ),
    Case("norm_type", _HF, _small(), changes={"qk_norm_type": "per_head"}, refused="qk_norm_type"),
)
