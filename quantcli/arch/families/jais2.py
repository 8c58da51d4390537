"""Jais 2: a decoder with biases and norms that subtract the mean, its feed-forward without gate."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, affine, attention, output, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, NORM_KEYS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import head_dim, heads, heads_kv, width
from quantcli.arch.relations import heads_fill_the_width
from quantcli.arch.rope import ROTARY_KEY


def _grouped(facts: Facts) -> Iterable[str]:
    """Give key heads that several query heads share, for whose biases the loader has no room."""
    if heads_kv(facts) != heads(facts):
        yield f"{heads(facts)} heads share {heads_kv(facts)} key heads; llama.cpp wants as many"


JAIS2 = Architecture(
    name="jais2",
    hf=("Jais2ForCausalLM",),
    vocab="auto",
    keys=(*NORM_KEYS, ROTARY_KEY),
    globals=(*EMBEDDING, *output(norm_bias=False)),
    layers=(
        Stack(
            (
                *affine("attn_norm", "input_layernorm", shape=(width,)),
                *attention(biases=False, output_bias=False, norm_source=""),
                *affine("ffn_norm", "post_attention_layernorm", shape=(width,)),
                *swiglu(biases=False, names=("", "up_proj", "down_proj"), norm_source=""),
            )
        ),
    ),
    defaults={"jais2": {"num_key_value_heads": heads, "head_dim": head_dim}},
    graph=(
        *decoder_graph(activation=Implements("hidden_act", ("relu2",))),
        Implements("attention_bias", (True,)),
        Implements("mlp_bias", (True,)),
    ),
    checks=(*DECODER_CHECKS, heads_fill_the_width, _grouped),
    remarks=DECODER_REMARKS,
)
