"""Mamba and Falcon Mamba, tied and untied; what the graph does not have is refused."""

from __future__ import annotations

from conformance.case import Case
from conformance.recurrent import DECAY

_MAMBA = {"hidden_size": 64, "num_hidden_layers": 2, "state_size": 16}

CASES = (
    Case("tied", "MambaForCausalLM", _MAMBA, peer_differs=DECAY),
    Case(
        "untied", "MambaForCausalLM", {**_MAMBA, "tie_word_embeddings": False}, peer_differs=DECAY
    ),
    Case(
        "rank",
        "MambaForCausalLM",
        {**_MAMBA, "time_step_rank": 8, "conv_kernel": 3},
        peer_differs=DECAY,
    ),
    Case("falcon", "FalconMambaForCausalLM", {**_MAMBA, "mixer_rms_eps": 1e-5}, peer_differs=DECAY),
    Case(
        "falcon_epsilon", "FalconMambaForCausalLM", _MAMBA, noted="one epsilon", peer_differs=DECAY
    ),
    Case("bias", "MambaForCausalLM", {**_MAMBA, "use_bias": True}, refused="use_bias"),
    Case("expand", "MambaForCausalLM", {**_MAMBA, "expand": 3}, refused="expand is 3"),
)
