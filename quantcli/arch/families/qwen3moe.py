"""Qwen 3 MoE: Qwen 3 with routed experts in every layer."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, head_norms, norm
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    QWEN_GRAPH,
    qwen_window_remark,
)
from quantcli.arch.experts import (
    EVERY_LAYER_SPARSE,
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    routed,
    router,
    routing_problems,
)
from quantcli.arch.relations import unannounced_biases, without

QWEN3MOE = Architecture(
    name="qwen3moe",
    hf=("Qwen3MoeForCausalLM", "Qwen3MoeModel"),
    vocab="auto",
    keys=(*DECODER_KEYS, *EXPERT_KEYS, EXPERT_LENGTH_KEY),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(),
                *head_norms(),
                norm("ffn_norm", "post_attention_layernorm"),
                router(),
                *routed(),
            )
        ),
    ),
    graph=(
        *QWEN_GRAPH,
        # The class puts a bias on the output projection too, which the runtime does not load.
        without("attention_bias"),
        Implements("norm_topk_prob", (True,)),
        *EVERY_LAYER_SPARSE,
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=(
        *DECODER_REMARKS,
        qwen_window_remark,
        unannounced_biases("attention_bias", "layers.*.self_attn.*.bias"),
    ),
)
