"""Qwen 2 and 2.5: Llama's blocks with q/k/v biases, heads rotated by halves."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, swiglu
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    QWEN_GRAPH,
    qwen_window_remark,
)
from quantcli.arch.relations import heads_fill_the_width

QWEN2 = Architecture(
    name="qwen2",
    hf=("Qwen2ForCausalLM", "Qwen2Model"),
    vocab="auto",
    keys=DECODER_KEYS,
    globals=(*EMBEDDING, *OUTPUT),
    layers=(Stack((*attention(biases=False), *swiglu())),),
    graph=QWEN_GRAPH,
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=(*DECODER_REMARKS, qwen_window_remark),
)
