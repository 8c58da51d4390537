"""OLMo 1: norms without weights, clipped queries, keys and values."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import EMBEDDING, attention, output, paired, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, NORM_KEYS, decoder_graph
from quantcli.arch.keys import lacking
from quantcli.arch.relations import heads_fill_the_width, without

OLMO = Architecture(
    name="olmo",
    hf=("OlmoForCausalLM", "OlmoModel"),
    vocab="auto",
    keys=(
        *lacking(NORM_KEYS, "layer_norm_epsilon"),
        # The class's own, which no config says.
        Key("{arch}.attention.layer_norm_epsilon", "float32", derive=lambda facts: 1e-5),
        Key("{arch}.attention.clamp_kqv", "float32", ("clip_qkv",), above=0),
    ),
    globals=(*EMBEDDING, *output()[1:]),
    layers=(Stack((*paired(attention(norm_source="")), *swiglu(norm_source=""))),),
    graph=(*decoder_graph(), without("attention_bias")),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
)
