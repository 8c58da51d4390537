"""The language model of Qwen 3 VL MoE and Qwen 3 Omni: Qwen 3 MoE, heads turned by sections."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, head_norms, norm
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    decoder_graph,
)
from quantcli.arch.experts import (
    EVERY_LAYER_SPARSE,
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    routed,
    router,
    routing_problems,
)
from quantcli.arch.mrope import DEEPSTACK_KEY, MROPE, MultiRope
from quantcli.arch.relations import without

_ROPE = MultiRope((24, 20, 20), interleaved=True)

QWEN3VLMOE = Architecture(
    name="qwen3vlmoe",
    hf=(
        "Qwen3VLMoeForConditionalGeneration",
        "Qwen3VLMoeModel",
        "Qwen3OmniMoeForConditionalGeneration",
        "Qwen3OmniMoeThinkerForConditionalGeneration",
    ),
    vocab="auto",
    keys=(
        *_ROPE.keys(DECODER_KEYS),
        *EXPERT_KEYS,
        EXPERT_LENGTH_KEY,
        DEEPSTACK_KEY,
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(),
                *head_norms(),
                norm("ffn_norm", "post_attention_layernorm"),
                router(),
                *routed(inputs_first=None),
            )
        ),
    ),
    graph=(
        *decoder_graph(MROPE),
        without("attention_bias"),
        _ROPE.graph,
        Implements("norm_topk_prob", (True,)),
        *EVERY_LAYER_SPARSE,
    ),
    checks=(
        *DECODER_CHECKS,
        _ROPE.problems,
        routing_problems,
    ),
    remarks=(*DECODER_REMARKS, _ROPE.remark),
)
