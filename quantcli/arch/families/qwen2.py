"""Qwen 2 and 2.5: Llama's blocks with q/k/v biases, heads rotated by halves."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import BUFFERS, EMBEDDING, OUTPUT, attention, swiglu
from quantcli.arch.keys import COMMON_KEYS, POOLING_KEY

QWEN2 = Architecture(
    name="qwen2",
    hf=("Qwen2ForCausalLM", "Qwen2Model"),
    vocab="auto",
    keys=(*COMMON_KEYS, POOLING_KEY),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(Stack((*attention(), *swiglu())),),
    ignored=BUFFERS,
    defaults={
        "qwen2": {
            "num_key_value_heads": 32,
            "max_position_embeddings": 32768,
            "rms_norm_eps": 1e-6,
            "rope_theta": 10000.0,
        },
    },
)
