"""Gemma 2: norms around both halves, capped logits, every other layer with a window."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, norm, plus_one
from quantcli.arch.decoders import decoder_graph
from quantcli.arch.gemma import (
    EMBEDDING_ONLY,
    FINAL_CAP,
    GELU_GATE,
    GEMMA_CHECKS,
    GEMMA_GRAPH,
    GEMMA_KEYS,
    GEMMA_REMARKS,
    cap_key,
    query_scale,
    sandwich,
)
from quantcli.arch.windows import layer_kinds, some_window, window_keys, windows

_WINDOWS = windows(2)

GEMMA2 = Architecture(
    name="gemma2",
    hf=("Gemma2ForCausalLM", "Gemma2Model"),
    vocab="auto",
    keys=(
        *GEMMA_KEYS,
        cap_key("{arch}.attn_logit_softcapping", "attn_logit_softcapping"),
        cap_key("{arch}.final_logit_softcapping", FINAL_CAP),
        *window_keys(_WINDOWS, 2),
    ),
    globals=(*EMBEDDING, *plus_one((norm("output_norm", "norm"),))),
    layers=(Stack(plus_one(sandwich())),),
    ignored=("lm_head.weight",),
    graph=(
        *decoder_graph(activation=GELU_GATE),
        *GEMMA_GRAPH,
        EMBEDDING_ONLY,
        query_scale(largest=46),
        layer_kinds(),
        some_window(_WINDOWS),
    ),
    checks=GEMMA_CHECKS,
    remarks=GEMMA_REMARKS,
    ignored_fields=("hidden_act", "cache_implementation"),
)
