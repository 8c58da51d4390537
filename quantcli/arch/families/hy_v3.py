"""Hunyuan 3: experts after the first dense layer, on an attention with a norm on each head."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, head_norms
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.experts import (
    DENSE_FIRST,
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    SIGMOID,
    dense_then_routed,
    gating_key,
    routing_problems,
    shared_inner,
)
from quantcli.arch.nextn import NEXTN_KEY, NEXTN_ROWS, all_blocks, all_layers
from quantcli.arch.relations import without

HY_V3 = Architecture(
    name="hy_v3",
    hf=("HYV3ForCausalLM",),
    vocab="auto",
    keys=(
        *all_blocks(DECODER_KEYS),
        *EXPERT_KEYS,
        EXPERT_LENGTH_KEY,
        Key("{arch}.expert_shared_feed_forward_length", "uint32", derive=shared_inner),
        Key("{arch}.expert_weights_norm", "bool", derive=lambda facts: True),
        Key("{arch}.expert_weights_scale", "float32", ("router_scaling_factor",)),
        gating_key("scoring_func"),
        NEXTN_KEY,
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(),
                *head_norms(),
                *dense_then_routed("mlp.expert_bias", bias_name="exp_probs_b"),
                *NEXTN_ROWS,
            ),
            count=all_layers,
        ),
    ),
    renames=(
        (".mlp.router.gate.", ".mlp.gate."),
        (".shared_mlp.", ".shared_experts."),
        (".final_layernorm.", ".shared_head.norm."),
    ),
    suffixes=((".mlp.e_score_correction_bias", ".mlp.expert_bias"),),
    defaults={"hy_v3": {**SIGMOID, "first_k_dense_replace": 1}},
    graph=(
        *decoder_graph(),
        *DENSE_FIRST,
        without("attention_bias"),
        without("mlp_bias"),
        Implements("route_norm", (True,)),
        Implements("qk_norm", (True,)),
        Implements("moe_router_use_sigmoid", (True,)),
        Implements("moe_router_enable_expert_bias", (True,)),
        Implements("scoring_func", ("sigmoid",)),
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=DECODER_REMARKS,
    # In which precision sums are made.
    ignored_fields=("enable_*",),
)
