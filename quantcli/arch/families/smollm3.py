"""SmolLM 3: Llama that does not rotate the heads of every fourth layer."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, paired, swiglu
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_REMARKS,
    LLAMA_KEYS,
    decoder_graph,
    qwen_window_remark,
)
from quantcli.arch.facts import Facts
from quantcli.arch.relations import each_layer, without

_PERIOD = 4


def _interval(facts: Facts) -> int | None:
    """Return the interval of layers without rotation where no list of layers decides."""
    return None if facts.get("no_rope_layers") else facts.get("no_rope_layer_interval")


SMOLLM3 = Architecture(
    name="smollm3",
    hf=("SmolLM3ForCausalLM",),
    vocab="llama",
    keys=LLAMA_KEYS,
    globals=(*EMBEDDING, *OUTPUT),
    layers=(Stack((*paired(attention()), *swiglu())),),
    graph=(
        *decoder_graph(),
        without("attention_bias"),
        without("mlp_bias"),
        Implements("no_rope_layer_interval", (_PERIOD, None), _interval),
        each_layer("no_rope_layers", lambda facts: int(((facts.layer or 0) + 1) % _PERIOD != 0)),
    ),
    checks=DECODER_CHECKS,
    remarks=(*DECODER_REMARKS, qwen_window_remark),
)
