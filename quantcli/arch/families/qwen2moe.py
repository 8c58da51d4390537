"""Qwen 1.5 and 2 MoE: Qwen 2 with routed experts and a gated shared one."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, attention, norm, output
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
    GATED_SHARED_KEY,
    gated_experts,
    routing_problems,
)

QWEN2MOE = Architecture(
    name="qwen2moe",
    hf=("Qwen2MoeForCausalLM", "Qwen2MoeModel"),
    vocab="auto",
    keys=(
        *DECODER_KEYS,
        *EXPERT_KEYS,
        EXPERT_LENGTH_KEY,
        GATED_SHARED_KEY,
    ),
    globals=(*EMBEDDING, *output(copied=True)),
    layers=(
        Stack(
            (
                *attention(),
                norm("ffn_norm", "post_attention_layernorm"),
                *gated_experts(),
            )
        ),
    ),
    graph=(
        *QWEN_GRAPH,
        Implements("norm_topk_prob", (False,)),
        *EVERY_LAYER_SPARSE,
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=(*DECODER_REMARKS, qwen_window_remark),
)
