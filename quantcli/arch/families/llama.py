"""Llama, Mistral, Mixtral and everything built like them."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, norm, swiglu, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, LLAMA_KEYS, decoder_graph
from quantcli.arch.experts import OPTIONAL_EXPERT_KEYS, dense, routed, router, sparse
from quantcli.arch.facts import Facts
from quantcli.arch.keys import head_dim, heads
from quantcli.arch.mistral import CONSOLIDATED, MISTRAL_RENAMES, either_stored
from quantcli.arch.relations import unannounced_biases, unless, window_remark
from quantcli.arch.rope import LLAMA3, LONGROPE, ROPE_FACTORS, longrope_remark


def _window(facts: Facts) -> Iterable[str]:
    """Tell of the windows of the classes that have them; Llama's class knows none."""
    if facts.hf.startswith(("Mistral", "Mixtral", "Ministral", "Cwm")):
        yield from window_remark(facts)


# InternLM 3 calls its switches otherwise.
_ATTENTION = attention(
    biases=unless("attention_bias", "qkv_bias"), output_bias=unless("attention_bias", "bias")
)

LLAMA = Architecture(
    name="llama",
    hf=(
        "LlamaForCausalLM",
        "LLaMAForCausalLM",
        "LlamaModel",
        "MistralForCausalLM",
        "MixtralForCausalLM",
        CONSOLIDATED,
        "MinistralForCausalLM",
        "InternLM3ForCausalLM",
        "IQuestCoderForCausalLM",
        "HeliumForCausalLM",
        "CwmForCausalLM",
        "Emu3ForCausalLM",
        "VLlama3ForCausalLM",
    ),
    vocab="llama",
    keys=(*LLAMA_KEYS[:-2], *OPTIONAL_EXPERT_KEYS, *LLAMA_KEYS[-2:]),
    globals=(*ROPE_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *either_stored(_ATTENTION),
                *switched(swiglu(biases=unless("mlp_bias", "bias")), dense),
                *switched(
                    (
                        norm("ffn_norm", "post_attention_layernorm"),
                        router(),
                        *routed(),
                    ),
                    sparse,
                ),
            )
        ),
    ),
    renames=MISTRAL_RENAMES,
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
        unannounced_biases("attention_bias", "layers.*.self_attn.*.bias", alias="qkv_bias"),
        unannounced_biases("mlp_bias", "layers.*.mlp.*.bias", alias="bias"),
    ),
)
