"""Granite 3 and 4, dense: Llama with multipliers on embedding, residual, attention and logits."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS
from quantcli.arch.granite import GRANITE_ATTENTION, GRANITE_GRAPH, GRANITE_KEYS
from quantcli.arch.relations import unless
from quantcli.arch.rope import ROPE_FACTORS, longrope_remark

GRANITE = Architecture(
    name="granite",
    hf=("GraniteForCausalLM", "GraniteModel"),
    vocab="llama",
    keys=GRANITE_KEYS,
    globals=(*ROPE_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(Stack((*GRANITE_ATTENTION, *swiglu(biases=unless("mlp_bias")))),),
    graph=GRANITE_GRAPH,
    checks=DECODER_CHECKS,
    remarks=(*DECODER_REMARKS, longrope_remark),
)
