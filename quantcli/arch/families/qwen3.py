"""Qwen 3: Qwen 2 with a norm on each query and key head, and without the biases."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, row, swiglu
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    QWEN_GRAPH,
    qwen_window_remark,
)
from quantcli.arch.keys import head_dim
from quantcli.arch.relations import unannounced_biases, without

QWEN3 = Architecture(
    name="qwen3",
    hf=("Qwen3ForCausalLM", "Qwen3Model"),
    vocab="auto",
    keys=DECODER_KEYS,
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(),
                row("attn_q_norm.weight", "self_attn.q_norm.weight", shape=(head_dim,)),
                row("attn_k_norm.weight", "self_attn.k_norm.weight", shape=(head_dim,)),
                *swiglu(),
            )
        ),
    ),
    # The class puts a bias on the output projection too, which the runtime does not load.
    graph=(*QWEN_GRAPH, without("attention_bias")),
    checks=DECODER_CHECKS,
    remarks=(
        *DECODER_REMARKS,
        qwen_window_remark,
        unannounced_biases("attention_bias", "layers.*.self_attn.*.bias"),
    ),
)
