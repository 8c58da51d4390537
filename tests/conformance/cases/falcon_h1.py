"""Falcon H1: every multiplier, the norm of the state-space layer, a tied output layer."""

from __future__ import annotations

from conformance.case import Case, tiny

_H1 = tiny(
    mamba_d_ssm=128,
    mamba_n_heads=8,
    mamba_n_groups=2,
    mamba_d_state=16,
    head_dim=16,
    mamba_norm_before_gate=False,
)
_MULTIPLIERS = {
    "attention_in_multiplier": 1.25,
    "attention_out_multiplier": 0.9,
    "embedding_multiplier": 5.5,
    "key_multiplier": 0.4,
    "lm_head_multiplier": 0.04,
    "mlp_multipliers": [0.88, 0.6],
    "ssm_in_multiplier": 1.3,
    "ssm_multipliers": [0.35, 0.25, 0.18, 0.5, 0.31],
    "ssm_out_multiplier": 0.23,
}
_BUG = "the converter drops the multiplier of the output layer where it is tied"

CASES = (
    Case("multipliers", "FalconH1ForCausalLM", {**_H1, **_MULTIPLIERS}),
    Case("normed", "FalconH1ForCausalLM", {**_H1, "mamba_rms_norm": True}),
    Case(
        "tied",
        "FalconH1ForCausalLM",
        {**_H1, **_MULTIPLIERS, "tie_word_embeddings": True},
        peer_differs={"output.weight": _BUG},
    ),
    Case(
        "mlp_bias",
        "FalconH1ForCausalLM",
        {**_H1, **_MULTIPLIERS, "mlp_bias": True},
    ),
    Case(
        "expanded",
        "FalconH1ForCausalLM",
        {
            **_H1,
            "mamba_d_ssm": None,
            "mamba_expand": 3,
            "mamba_n_heads": 12,
            "rope_parameters": {"rope_theta": 1e6, "rope_type": "yarn", "factor": 2.0},
        },
        peer_fails="it needs mamba_d_ssm, which may be null",
    ),
    Case(
        "no_head_dim",
        "FalconH1ForCausalLM",
        {k: v for k, v in _H1.items() if k != "head_dim"},
        peer_fails="it asks for head_dim, which the class derives",
    ),
    Case(
        "gate",
        "FalconH1ForCausalLM",
        {**_H1, "mamba_norm_before_gate": True, "mamba_rms_norm": True},
        refused="mamba_norm_before_gate is true",
    ),
    Case("bias", "FalconH1ForCausalLM", {**_H1, "attention_bias": True}, refused="attention_bias"),
)
