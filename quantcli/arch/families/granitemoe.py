"""Granite 3 MoE: Granite with routed experts, in some with a shared one."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, norm, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS
from quantcli.arch.experts import EXPERT_KEYS
from quantcli.arch.granite import (
    GRANITE_ATTENTION,
    GRANITE_EXPERTS,
    GRANITE_GRAPH,
    GRANITE_IGNORED,
    GRANITE_KEYS,
    GRANITE_SUFFIXES,
    HYBRID,
    SHARED,
    SHARED_LENGTH_KEY,
    all_routed,
    shared_mlp,
)
from quantcli.arch.relations import where
from quantcli.arch.rope import ROPE_FACTORS, longrope_remark

GRANITEMOE = Architecture(
    name="granitemoe",
    hf=(
        "GraniteMoeForCausalLM",
        "GraniteMoeSharedForCausalLM",
        "GraniteMoeModel",
        "GraniteMoeSharedModel",
        HYBRID,
    ),
    partly={HYBRID: all_routed},
    vocab="llama",
    keys=(
        *GRANITE_KEYS,
        *EXPERT_KEYS,
        SHARED_LENGTH_KEY,
    ),
    globals=(*ROPE_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *GRANITE_ATTENTION,
                norm("ffn_norm", "post_attention_layernorm"),
                *GRANITE_EXPERTS,
                *switched(shared_mlp("_shexp"), where(SHARED)),
            )
        ),
    ),
    suffixes=GRANITE_SUFFIXES,
    graph=GRANITE_GRAPH,
    checks=DECODER_CHECKS,
    remarks=(*DECODER_REMARKS, longrope_remark),
    ignored_fields=GRANITE_IGNORED,
)
