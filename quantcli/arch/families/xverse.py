"""XVERSE: Llama under another name."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, attention, output, paired, swiglu
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    LAYOUT_KEY,
    decoder_graph,
)
from quantcli.arch.relations import heads_fill_the_width
from quantcli.arch.rope import ROTARY_KEY

XVERSE = Architecture(
    name="xverse",
    hf=("XverseForCausalLM",),
    vocab="auto",
    keys=(*DECODER_KEYS, LAYOUT_KEY, ROTARY_KEY),
    globals=(*EMBEDDING, *output(copied=True)),
    layers=(Stack((*paired(attention()), *swiglu())),),
    graph=decoder_graph(),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
    ignored_fields=("max_tokenizer_truncation",),
)
