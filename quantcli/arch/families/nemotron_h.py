"""Nemotron H: blocks of state space, attention without positions, or feed-forward, one each."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import swiglu, switched
from quantcli.arch.keys import inner
from quantcli.arch.nemotron_h import (
    NEMOTRON_BLOCK,
    NEMOTRON_CHECKS,
    NEMOTRON_GLOBALS,
    NEMOTRON_GRAPH,
    NEMOTRON_IGNORED,
    NEMOTRON_REMARKS,
    blocks,
    is_kind,
    nemotron_keys,
)
from quantcli.arch.relations import unless

_FEED_FORWARD = swiglu(
    at="mixer.", names=("", "up_proj", "down_proj"), norm_source="", biases=unless("mlp_bias")
)

NEMOTRON_H = Architecture(
    name="nemotron_h",
    hf=("NemotronHForCausalLM",),
    vocab="auto",
    keys=nemotron_keys("mlp", inner),
    globals=NEMOTRON_GLOBALS,
    layers=(Stack((*NEMOTRON_BLOCK, *switched(_FEED_FORWARD, is_kind("mlp")))),),
    prefixes=("model.", "backbone."),
    ignored=("mtp.*",),
    defaults={"nemotron_h": {"num_hidden_layers": blocks}},
    graph=NEMOTRON_GRAPH,
    checks=NEMOTRON_CHECKS,
    remarks=NEMOTRON_REMARKS,
    ignored_fields=(
        *NEMOTRON_IGNORED,
        "moe_*",
        "n_group",
        "n_routed_experts",
        "n_shared_experts",
        "norm_topk_prob",
        "num_experts_per_tok",
        "routed_scaling_factor",
        "topk_group",
    ),
)
