"""Seed-OSS: Llama with biases before the attention, heads rotated in halves."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, norm, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.relations import unless, without

SEED_OSS = Architecture(
    name="seed_oss",
    hf=("SeedOssForCausalLM",),
    vocab="auto",
    keys=DECODER_KEYS,
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(biases=unless("attention_bias")),
                norm("post_attention_norm", "post_attention_layernorm"),
                *swiglu(norm_source=""),
            )
        ),
    ),
    graph=(*decoder_graph(), without("attention_out_bias"), without("mlp_bias")),
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
)
