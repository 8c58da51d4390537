"""Qwen 3: Qwen 2 with a norm on each query and key head."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import BUFFERS, EMBEDDING, OUTPUT, attention, row, swiglu
from quantcli.arch.keys import COMMON_KEYS, POOLING_KEY, head_dim

QWEN3 = Architecture(
    name="qwen3",
    hf=("Qwen3ForCausalLM", "Qwen3Model"),
    vocab="auto",
    keys=(*COMMON_KEYS, POOLING_KEY),
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
    ignored=BUFFERS,
    defaults={
        "qwen3": {
            "num_key_value_heads": 32,
            "head_dim": 128,
            "max_position_embeddings": 32768,
            "rms_norm_eps": 1e-6,
            "rope_theta": 10000.0,
        },
    },
)
