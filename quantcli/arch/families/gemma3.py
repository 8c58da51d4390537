"""Gemma 3, and models of its class: Gemma 2 with norms on heads, without capped attention."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, head_norms, plus_one
from quantcli.arch.decoders import DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.gemma import (
    FINAL_CAP_KEY,
    GELU_GATE,
    GEMMA_CHECKS,
    GEMMA_GRAPH,
    query_scale,
    sandwich,
)
from quantcli.arch.relations import without
from quantcli.arch.rope import local_rotary
from quantcli.arch.windows import layer_kinds, window_keys, windows

GEMMA3 = Architecture(
    name="gemma3",
    hf=("Gemma3ForCausalLM", "Gemma3TextModel"),
    vocab="auto",
    keys=(*DECODER_KEYS, FINAL_CAP_KEY, *window_keys(windows(6), 6)),
    globals=(*EMBEDDING, *plus_one(OUTPUT)),
    layers=(Stack(plus_one((*sandwich(), *head_norms()))),),
    graph=(
        *decoder_graph(activation=GELU_GATE),
        *GEMMA_GRAPH,
        query_scale(largest=62),
        without("attn_logit_softcapping"),
        layer_kinds(),
        local_rotary(),
    ),
    checks=GEMMA_CHECKS,
    remarks=DECODER_REMARKS,
    ignored_fields=("hidden_act", "cache_implementation", "mm_tokens_per_image"),
)
