"""Gemma and CodeGemma."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, attention, norm, plus_one, swiglu
from quantcli.arch.decoders import decoder_graph
from quantcli.arch.gemma import (
    EMBEDDING_ONLY,
    GEMMA_CHECKS,
    GEMMA_GRAPH,
    GEMMA_KEYS,
    GEMMA_REMARKS,
)
from quantcli.arch.relations import GELU

GEMMA = Architecture(
    name="gemma",
    hf=("GemmaForCausalLM", "GemmaModel"),
    vocab="auto",
    keys=GEMMA_KEYS,
    globals=(*EMBEDDING, *plus_one((norm("output_norm", "norm"),))),
    layers=(Stack(plus_one((*attention(), *swiglu()))),),
    ignored=("lm_head.weight",),
    graph=(
        *decoder_graph(activation=Implements("hidden_act", GELU)),
        *GEMMA_GRAPH,
        EMBEDDING_ONLY,
    ),
    checks=GEMMA_CHECKS,
    remarks=GEMMA_REMARKS,
    ignored_fields=("hidden_activation",),
)
