"""Qwen 3.5, dense: the gated delta rule, gated attention whose heads turn by sections."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture
from quantcli.arch.blocks import EMBEDDING, OUTPUT, plus_one, swiglu
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
from quantcli.arch.mrope import MROPE

QWEN35 = Architecture(
    name="qwen35",
    hf=("Qwen3_5ForCausalLM", "Qwen3_5ForConditionalGeneration"),
    vocab="auto",
    keys=delta_keys(DELTA_ROPE.keys(DECODER_KEYS)),
    globals=plus_one((*EMBEDDING, *OUTPUT)),
    layers=delta_layers(fused=False, feed_forward=lambda layer: swiglu(norm_source="")),
    defaults={"qwen3_5_text": DELTA_DEFAULTS, "qwen3_5": DELTA_DEFAULTS},
    graph=(*decoder_graph(MROPE, partial=True), *DELTA_GRAPH, DELTA_ROPE.graph),
    checks=(*DECODER_CHECKS, DELTA_ROPE.problems, delta_problems),
    remarks=(*DECODER_REMARKS, DELTA_ROPE.remark, delta_remark),
    ignored_fields=DELTA_IGNORED,
)
