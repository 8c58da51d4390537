"""Llama whose tokens see all others: an embedding model."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, paired, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, LLAMA_KEYS, decoder_graph
from quantcli.arch.keys import CAUSAL_KEY, replaced
from quantcli.arch.relations import vocabulary_remark
from quantcli.arch.rope import LLAMA3, LLAMA3_FACTORS

LLAMA_EMBED = Architecture(
    name="llama-embed",
    hf=("LlamaBidirectionalModel",),
    vocab="llama",
    keys=replaced(LLAMA_KEYS, Key(CAUSAL_KEY.name, "bool", derive=lambda facts: False)),
    globals=(*LLAMA3_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(Stack((*paired(attention(output_bias=True)), *swiglu(biases=True))),),
    graph=decoder_graph(LLAMA3),
    checks=DECODER_CHECKS,
    remarks=(vocabulary_remark("embed_tokens.weight"),),
    ignored_fields=("pooling",),
)
