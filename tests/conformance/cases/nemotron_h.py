"""Nemotron H: blocks of state space, attention or feed-forward, listed in both ways."""

from __future__ import annotations

from conformance.case import Case, tiny
from conformance.recurrent import DECAY

_NEMOTRON = tiny(
    num_hidden_layers=None,
    layers_block_type=["linear_attention", "mlp", "full_attention", "mlp"],
    head_dim=16,
    mamba_num_heads=8,
    mamba_head_dim=16,
    n_groups=2,
    ssm_state_size=16,
)
_MOE = {
    **DECAY,
    r"^general.architecture$|^nemotron_h\.": "the converter takes every config that names "
    "experts for one with experts, and transformers' class names them always; llama.cpp does not "
    "load what it writes",
}
# As NVIDIA's releases list the blocks.
_PATTERN = {"layers_block_type": None, "hybrid_override_pattern": "M-*-", "num_hidden_layers": 4}

CASES = (
    Case(
        "no_state",
        "NemotronHForCausalLM",
        {**_NEMOTRON, "layers_block_type": ["full_attention", "mlp"]},
        refused="layers of attention only",
    ),
    Case("blocks", "NemotronHForCausalLM", _NEMOTRON, peer_differs=_MOE),
    Case("pattern", "NemotronHForCausalLM", _NEMOTRON, changes=_PATTERN, peer_differs=_MOE),
    Case(
        "biases",
        "NemotronHForCausalLM",
        {**_NEMOTRON, "mlp_bias": True, "tie_word_embeddings": True, "head_dim": 24},
        peer_differs=_MOE,
    ),
    Case("use_bias", "NemotronHForCausalLM", {**_NEMOTRON, "use_bias": True}, refused="use_bias"),
    Case(
        "activation",
        "NemotronHForCausalLM",
        {**_NEMOTRON, "mlp_hidden_act": "silu"},
        refused="mlp_hidden_act",
    ),
)
