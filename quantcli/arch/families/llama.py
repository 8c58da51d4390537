"""Llama, Mistral and everything built like them."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import BUFFERS, EMBEDDING, OUTPUT, ROPE_FACTORS, paired_attention, swiglu
from quantcli.arch.keys import COMMON_KEYS, head_dim, heads

LLAMA = Architecture(
    name="llama",
    hf=(
        "LlamaForCausalLM",
        "LLaMAForCausalLM",
        "LlamaModel",
        "MistralForCausalLM",
    ),
    vocab="llama",
    keys=(
        *COMMON_KEYS,
        Key("{arch}.vocab_size", "uint32", ("vocab_size",), required=True),
        Key("{arch}.rope.dimension_count", "uint32", derive=head_dim),
    ),
    globals=(*ROPE_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(Stack((*paired_attention(), *swiglu())),),
    ignored=BUFFERS,
    defaults={
        "llama": {
            "num_key_value_heads": heads,
            "head_dim": head_dim,
            "max_position_embeddings": 2048,
            "rms_norm_eps": 1e-6,
            "rope_theta": 10000.0,
        },
        "mistral": {
            "num_key_value_heads": 8,
            "head_dim": head_dim,
            "max_position_embeddings": 131072,
            "rms_norm_eps": 1e-6,
            "rope_theta": 10000.0,
        },
    },
)
