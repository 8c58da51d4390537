"""Llama, Mistral and everything built like them."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, paired, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import head_dim, heads
from quantcli.arch.relations import (
    full_attention_remark,
    rows_of,
    unannounced_biases,
    unless,
    window,
)
from quantcli.arch.rope import LLAMA3, LONGROPE, ROPE_FACTORS, longrope_remark


def _window(facts: Facts) -> Iterable[str]:
    """Tell that Mistral's layers attend to a window only; Llama's class knows none."""
    if facts.hf.startswith("Mistral") and (length := window(facts)) is not None:
        yield full_attention_remark(facts, length)


_ATTENTION = unless("attention_bias")

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
        *DECODER_KEYS,
        Key("{arch}.vocab_size", "uint32", derive=rows_of("embed_tokens.weight")),
        Key("{arch}.rope.dimension_count", "uint32", derive=head_dim),
    ),
    globals=(*ROPE_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *paired(attention(biases=_ATTENTION, output_bias=_ATTENTION)),
                *swiglu(biases=unless("mlp_bias")),
            )
        ),
    ),
    defaults={
        "llama": {
            "num_key_value_heads": heads,
            "head_dim": head_dim,
        },
        "mistral": {"head_dim": head_dim},
    },
    graph=decoder_graph(LLAMA3, *LONGROPE),
    checks=DECODER_CHECKS,
    remarks=(
        *DECODER_REMARKS,
        _window,
        longrope_remark,
        unannounced_biases("attention_bias", "layers.*.self_attn.*.bias"),
        unannounced_biases("mlp_bias", "layers.*.mlp.*.bias"),
    ),
)
