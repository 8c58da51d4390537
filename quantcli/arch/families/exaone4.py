"""EXAONE 4: norms behind attention and feed-forward; windows where the model has 64 layers."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, head_norms, norm, swiglu
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    VOCAB_KEY,
    decoder_graph,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS
from quantcli.arch.relations import heads_fill_the_width
from quantcli.arch.rope import LLAMA3, LLAMA3_FACTORS
from quantcli.arch.windows import periodic_layers, window_keys, windows

# The loader goes by the number of layers, not by the keys.
_WINDOWED = 64
_PERIOD = 4
_layers = windows(_PERIOD)


def _asked(facts: Facts) -> tuple[bool, ...]:
    return _layers(facts) if facts.get("sliding_window") is not None else ()


def _window(facts: Facts) -> object:
    """Return a window in a model of another number of layers, "null" for one that must have it."""
    length = facts.get("sliding_window")
    if facts.integer(*LAYERS) == _WINDOWED:
        return "null" if length is None else None
    return length


EXAONE4 = Architecture(
    name="exaone4",
    hf=("Exaone4ForCausalLM",),
    vocab="auto",
    keys=(*DECODER_KEYS, VOCAB_KEY, *window_keys(_asked, _PERIOD)),
    globals=(*LLAMA3_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(norm_source=""),
                *head_norms(),
                norm("post_attention_norm", "post_attention_layernorm"),
                *swiglu(norm_source=""),
                norm("post_ffw_norm", "post_feedforward_layernorm"),
            )
        ),
    ),
    # Multi-token prediction, which the runtime would keep and not compute.
    ignored=("mtp.*",),
    graph=(
        *decoder_graph(LLAMA3),
        Implements(
            "sliding_window",
            (None,),
            _window,
            f"The runtime has windows in models of {_WINDOWED} layers, and only there.",
        ),
        periodic_layers(_asked),
    ),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
    ignored_fields=("num_nextn_predict_layers", "mtp_*", "attn_implementation", "tokenizer_class"),
)
