"""The language model of Qwen 2 VL, 2.5 VL and 2.5 Omni: Qwen 2, heads turned by sections."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, swiglu
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    QWEN_LAYERS,
    decoder_graph,
    qwen_window_remark,
)
from quantcli.arch.mrope import MROPE, MultiRope
from quantcli.arch.relations import heads_fill_the_width

_ROPE = MultiRope((16, 24, 24))

QWEN2VL = Architecture(
    name="qwen2vl",
    hf=(
        "Qwen2VLForConditionalGeneration",
        "Qwen2VLModel",
        "Qwen2_5_VLForConditionalGeneration",
        "Qwen2_5_VLModel",
        "Qwen2_5OmniModel",
        "Qwen2_5OmniForConditionalGeneration",
        "Qwen2_5OmniThinkerForConditionalGeneration",
    ),
    vocab="auto",
    keys=_ROPE.keys(DECODER_KEYS),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(Stack((*attention(biases=False), *swiglu())),),
    graph=(*decoder_graph(MROPE), QWEN_LAYERS, _ROPE.graph),
    checks=(*DECODER_CHECKS, heads_fill_the_width, _ROPE.problems),
    remarks=(*DECODER_REMARKS, qwen_window_remark),
)
