"""Dream: Qwen 2's layers, each token seeing all others: text by diffusion."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.keys import CAUSAL_KEY, lacking
from quantcli.arch.relations import heads_fill_the_width

DREAM = Architecture(
    name="dream",
    hf=("DreamModel",),
    vocab="auto",
    keys=(
        *lacking(DECODER_KEYS, CAUSAL_KEY.name),
        Key(CAUSAL_KEY.name, "bool", derive=lambda facts: False),
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(Stack((*attention(), *swiglu())),),
    graph=decoder_graph(),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
    ignored_fields=("use_sliding_window", "sliding_window", "max_window_layers"),
)
