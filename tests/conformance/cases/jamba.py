"""Jamba: layers of attention and of state space, with and without experts, in both layouts."""

from __future__ import annotations

from conformance.case import Case, tiny
from conformance.recurrent import DECAY

_JAMBA = tiny(
    num_hidden_layers=4,
    attn_layer_period=2,
    attn_layer_offset=1,
    expert_layer_period=3,
    expert_layer_offset=1,
    num_experts=4,
    mamba_d_state=16,
)

CASES = (
    Case(
        "no_attention",
        "JambaForCausalLM",
        {**_JAMBA, "attn_layer_period": 9, "attn_layer_offset": 8},
        refused="no layer of attention",
    ),
    Case("experts", "JambaForCausalLM", _JAMBA, peer_differs=DECAY),
    Case(
        "stacked",
        "JambaForCausalLM",
        _JAMBA,
        layout="stacked",
        peer_fails="it knows the experts apart only",
    ),
    Case(
        "dense",
        "JambaForCausalLM",
        {**_JAMBA, "num_experts": 1, "tie_word_embeddings": True, "mamba_dt_rank": 6},
        peer_differs={
            **DECAY,
            "expert_used_count": "it writes more experts used than there are, which does not load",
        },
    ),
    Case(
        "bias", "JambaForCausalLM", {**_JAMBA, "mamba_proj_bias": True}, refused="mamba_proj_bias"
    ),
)
