"""Llama, Mistral, Mixtral and everything built like them."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, norm, paired, swiglu, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, LLAMA_KEYS, decoder_graph
from quantcli.arch.experts import OPTIONAL_EXPERT_KEYS, dense, routed, router, sparse
from quantcli.arch.facts import Facts
from quantcli.arch.keys import head_dim, heads
from quantcli.arch.relations import unannounced_biases, unless, window_remark
from quantcli.arch.rope import LLAMA3, LONGROPE, ROPE_FACTORS, longrope_remark


def _window(facts: Facts) -> Iterable[str]:
    """Tell of the windows of the classes that have them; Llama's class knows none."""
    if facts.hf.startswith(("Mistral", "Mixtral", "Ministral", "Cwm")):
        yield from window_remark(facts)


def _halves(facts: Facts) -> bool:
    """Tell whether the class rotates the halves of a head: all but one, which rotates pairs."""
    return not facts.hf.startswith("Helium")


def _pairs(facts: Facts) -> bool:
    return not _halves(facts)


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
                *switched(paired(_ATTENTION), _halves),
                *switched(_ATTENTION, _pairs),
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
    renames=(
        (".block_sparse_moe.", ".mlp."),
        (".w1.", ".gate_proj."),
        (".w2.", ".down_proj."),
        (".w3.", ".up_proj."),
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
        unannounced_biases("attention_bias", "layers.*.self_attn.*.bias", alias="qkv_bias"),
        unannounced_biases("mlp_bias", "layers.*.mlp.*.bias", alias="bias"),
    ),
)
