"""MiMo V2 Flash, in transformers' words and in those of released configs."""

from __future__ import annotations

from typing import Any

from conformance.case import Case, tiny

_HF = "MiMoV2FlashForCausalLM"
_PEER = "the converter reads the fields of released configs only, which transformers does not write"


def _rope(part: float) -> dict[str, Any]:
    return {
        kind: {"rope_type": "default", "rope_theta": theta, "partial_rotary_factor": part}
        for kind, theta in (("full_attention", 5e6), ("sliding_attention", 1e4))
    }


def _small(**changes: Any) -> dict[str, Any]:
    routing = {"n_routed_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 48}
    given = {**routing, "head_dim": 24, "v_head_dim": 16, "sliding_window": 9}
    kinds = ["full_attention", "sliding_attention", "full_attention"]
    layers = {"num_hidden_layers": 3, "layer_types": kinds, "num_key_value_heads": 2}
    return tiny(**{**given, **layers, "rope_parameters": _rope(0.334), **changes})


_RELEASED = {
    "layer_types": None,
    "mlp_layer_types": None,
    "rope_parameters": None,
    "rms_norm_eps": None,
    "hybrid_layer_pattern": [0, 1, 1],
    "moe_layer_freq": [0, 1, 1],
    "swa_num_key_value_heads": 4,
    "swa_num_attention_heads": 4,
    "swa_head_dim": 24,
    "swa_v_head_dim": 16,
    "rope_theta": 5e6,
    "swa_rope_theta": 1e4,
    "partial_rotary_factor": 0.334,
    "layernorm_epsilon": 1e-5,
    "sliding_window": 8,
    "sliding_window_size": 8,
    "topk_method": "noaux_tc",
    "scoring_func": "sigmoid",
    "routed_scaling_factor": None,
}

CASES = (
    Case("plain", _HF, _small(), peer_fails=_PEER),
    Case(
        "released",
        _HF,
        _small(layer_types=["full_attention", "sliding_attention", "sliding_attention"]),
        changes=_RELEASED,
        peer_fails="it loses the rotary parameters of a config without rope_parameters",
    ),
    Case("stacked", _HF, _small(), layout="stacked", peer_fails=_PEER),
    Case(
        "tied_unscaled",
        _HF,
        _small(tie_word_embeddings=True, attention_value_scale=None, n_group=4, topk_group=2),
        peer_fails=_PEER,
    ),
    Case("scaled_weights", _HF, _small(routed_scaling_factor=2.5), refused="routed_scaling_factor"),
    Case("biases", _HF, _small(attention_bias=True), refused="attention_bias"),
)
