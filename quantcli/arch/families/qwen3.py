"""Qwen 3: Qwen 2 with a norm on each query and key head, and without the biases."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, row, swiglu
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    QWEN_GRAPH,
    qwen_window_remark,
)
from quantcli.arch.keys import head_dim
from quantcli.arch.relations import unannounced_biases, without
from quantcli.arch.scores import SCORE_ROWS, score_problems, score_remark, scoring

QWEN3 = Architecture(
    name="qwen3",
    hf=("Qwen3ForCausalLM", "Qwen3Model", "Qwen3ForSequenceClassification"),
    vocab="auto",
    keys=scoring(DECODER_KEYS),
    globals=(*EMBEDDING, *OUTPUT, *SCORE_ROWS),
    layers=(
        Stack(
            (
                *attention(),
                row("attn_q_norm.weight", "self_attn.q_norm.weight", shape=(head_dim,)),
                row("attn_k_norm.weight", "self_attn.k_norm.weight", shape=(head_dim,)),
                *swiglu(),
            )
        ),
    ),
    # The class puts a bias on the output projection too, which the runtime does not load.
    graph=(*QWEN_GRAPH, without("attention_bias")),
    checks=(*DECODER_CHECKS, score_problems),
    remarks=(
        *DECODER_REMARKS,
        score_remark,
        qwen_window_remark,
        unannounced_biases("attention_bias", "layers.*.self_attn.*.bias"),
    ),
)
