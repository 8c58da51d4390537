"""Qwen 3 Next: the gated delta rule, gated attention, routed experts and a gated shared one."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements
from quantcli.arch.blocks import EMBEDDING, OUTPUT, plus_one
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.delta import (
    DELTA_DEFAULTS,
    DELTA_GRAPH,
    DELTA_IGNORED,
    delta_keys,
    delta_layers,
    delta_problems,
    delta_remark,
)
from quantcli.arch.experts import (
    EVERY_LAYER_SPARSE,
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    GATED_SHARED_KEY,
    gated_experts,
    routing_problems,
)

QWEN3NEXT = Architecture(
    name="qwen3next",
    hf=("Qwen3NextForCausalLM",),
    vocab="auto",
    keys=(*delta_keys(DECODER_KEYS), *EXPERT_KEYS, EXPERT_LENGTH_KEY, GATED_SHARED_KEY),
    globals=plus_one((*EMBEDDING, *OUTPUT)),
    layers=delta_layers(fused=True, feed_forward=gated_experts),
    defaults={"qwen3_next": DELTA_DEFAULTS},
    graph=(
        *decoder_graph(partial=True),
        *DELTA_GRAPH,
        Implements("norm_topk_prob", (True,)),
        *EVERY_LAYER_SPARSE,
    ),
    checks=(*DECODER_CHECKS, routing_problems, delta_problems),
    remarks=(*DECODER_REMARKS, delta_remark),
    ignored_fields=DELTA_IGNORED,
)
