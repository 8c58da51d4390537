"""The language model of Qwen 3 VL and Qwen 3 ASR: Qwen 3, heads turned by interleaved sections."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, head_norms, swiglu
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    decoder_graph,
)
from quantcli.arch.mrope import DEEPSTACK_KEY, MROPE, MultiRope
from quantcli.arch.relations import unannounced_biases, without

_ROPE = MultiRope((24, 20, 20), interleaved=True)

QWEN3VL = Architecture(
    name="qwen3vl",
    hf=("Qwen3VLForConditionalGeneration", "Qwen3VLModel", "Qwen3ASRForConditionalGeneration"),
    vocab="auto",
    keys=(*_ROPE.keys(DECODER_KEYS), DEEPSTACK_KEY),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(Stack((*attention(), *head_norms(), *swiglu())),),
    # The class puts a bias on the output projection too, which the runtime does not load.
    graph=(*decoder_graph(MROPE), without("attention_bias"), _ROPE.graph),
    checks=(*DECODER_CHECKS, _ROPE.problems),
    remarks=(
        *DECODER_REMARKS,
        _ROPE.remark,
        unannounced_biases("attention_bias", "layers.*.self_attn.*.bias"),
    ),
)
