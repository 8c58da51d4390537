"""Command R7B, Command A, Aya Expanse: layers with a window are rotated, those without are not."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, attention, norm, swiglu
from quantcli.arch.cohere import COHERE_CHECKS, COHERE_GRAPH, COHERE_REMARKS, LOGIT_SCALE_KEY
from quantcli.arch.decoders import NORM_KEYS, VOCAB_KEY
from quantcli.arch.rope import ROTARY_KEY, said_type
from quantcli.arch.windows import layer_kinds, some_window, window_keys, windows

_WINDOWS = windows(4)

COHERE2 = Architecture(
    name="cohere2",
    hf=("Cohere2ForCausalLM", "Cohere2Model"),
    vocab="auto",
    keys=(
        *said_type(NORM_KEYS),
        LOGIT_SCALE_KEY,
        *window_keys(_WINDOWS, 4),
        VOCAB_KEY,
        ROTARY_KEY,
    ),
    globals=(*EMBEDDING, norm("output_norm", "norm")),
    layers=(Stack((*attention(), *swiglu(norm_source=""))),),
    graph=(
        *COHERE_GRAPH,
        Implements("rotary_pct", (1, None)),
        Implements("position_embedding_type", ("rope_gptj",)),
        layer_kinds(),
        some_window(_WINDOWS),
    ),
    checks=COHERE_CHECKS,
    remarks=COHERE_REMARKS,
    ignored_fields=(
        "cache_implementation",
        "layer_switch",
        "order_of_interleaved_layers",
        "use_embedding_sharing",
        "use_gated_activation",
        "use_parallel_*",
        "use_qk_norm",
    ),
)
