"""openPangu Embedded: Llama with biases around its attention, heads rotated in halves."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, LLAMA_KEYS, decoder_graph
from quantcli.arch.keys import head_dim, replaced
from quantcli.arch.relations import unless

PANGU_EMBED = Architecture(
    name="pangu-embedded",
    hf=("PanguEmbeddedForCausalLM",),
    vocab="auto",
    keys=replaced(
        LLAMA_KEYS,
        Key("{arch}.attention.key_length", "uint32", derive=head_dim, at_least=1),
        Key("{arch}.attention.value_length", "uint32", derive=head_dim, at_least=1),
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(Stack((*attention(biases=unless("bias"), output_bias=False), *swiglu())),),
    graph=(*decoder_graph(), Implements("bias", (True,))),
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
)
