"""Arcee: Llama without a gate, its feed-forward squares a ReLU."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, paired, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, LLAMA_KEYS, decoder_graph
from quantcli.arch.relations import without
from quantcli.arch.rope import LLAMA3, LLAMA3_FACTORS

ARCEE = Architecture(
    name="arcee",
    hf=("ArceeForCausalLM",),
    vocab="llama",
    keys=LLAMA_KEYS,
    globals=(*LLAMA3_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(Stack((*paired(attention()), *swiglu(names=("", "up_proj", "down_proj")))),),
    graph=(
        *decoder_graph(LLAMA3, activation=Implements("hidden_act", ("relu2",))),
        without("attention_bias"),
        without("mlp_bias"),
    ),
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
)
