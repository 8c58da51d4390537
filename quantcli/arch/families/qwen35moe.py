"""Qwen 3.5 MoE: Qwen 3.5 with routed experts and a gated shared one."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture
from quantcli.arch.blocks import EMBEDDING, OUTPUT, plus_one
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.delta import (
    DELTA_DEFAULTS,
    DELTA_GRAPH,
    DELTA_IGNORED,
    DELTA_ROPE,
    delta_keys,
    delta_layers,
    delta_problems,
    delta_remark,
)
from quantcli.arch.experts import (
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    GATED_SHARED_KEY,
    gated_experts,
    routing_problems,
)
from quantcli.arch.mrope import MROPE

QWEN35MOE = Architecture(
    name="qwen35moe",
    hf=("Qwen3_5MoeForCausalLM", "Qwen3_5MoeForConditionalGeneration"),
    vocab="auto",
    keys=(
        *delta_keys(DELTA_ROPE.keys(DECODER_KEYS)),
        *EXPERT_KEYS,
        EXPERT_LENGTH_KEY,
        GATED_SHARED_KEY,
    ),
    globals=plus_one((*EMBEDDING, *OUTPUT)),
    layers=delta_layers(fused=False, feed_forward=gated_experts),
    defaults={"qwen3_5_moe_text": DELTA_DEFAULTS, "qwen3_5_moe": DELTA_DEFAULTS},
    graph=(*decoder_graph(MROPE, partial=True), *DELTA_GRAPH, DELTA_ROPE.graph),
    checks=(*DECODER_CHECKS, DELTA_ROPE.problems, routing_problems, delta_problems),
    remarks=(*DECODER_REMARKS, DELTA_ROPE.remark, delta_remark),
    ignored_fields=DELTA_IGNORED,
)
