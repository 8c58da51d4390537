"""ERNIE 4.5 without experts."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.ernie import ernie_attention, ernie_feed_forward
from quantcli.arch.relations import without

ERNIE4_5 = Architecture(
    name="ernie4_5",
    hf=("Ernie4_5ForCausalLM", "Ernie4_5_ForCausalLM"),
    vocab="auto",
    keys=DECODER_KEYS,
    globals=(*EMBEDDING, *OUTPUT),
    layers=(Stack((*ernie_attention(), *ernie_feed_forward())),),
    prefixes=("model.", "ernie."),
    graph=(*decoder_graph(), without("use_bias")),
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
)
