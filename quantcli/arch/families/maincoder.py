"""Maincoder: Llama whose heads are normalised after their rotation."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, head_norms, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.relations import without

MAINCODER = Architecture(
    name="maincoder",
    hf=("MaincoderForCausalLM",),
    vocab="auto",
    keys=(*DECODER_KEYS, Key("{arch}.rope.dimension_count", "uint32", ("head_dim",), at_least=1)),
    globals=(*EMBEDDING, *OUTPUT),
    # Its own code rotates pairs, as the runtime does.
    layers=(Stack((*attention(), *head_norms(), *swiglu())),),
    graph=(*decoder_graph(), without("attention_bias"), without("mlp_bias")),
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
)
