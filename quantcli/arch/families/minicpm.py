"""MiniCPM 1 and 2: Llama with an embedding, residuals and logits that are scaled."""

from __future__ import annotations

import math

from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, paired, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, width
from quantcli.arch.relations import without
from quantcli.arch.rope import LONGROPE, LONGROPE_FACTORS, longrope_remark


def _residual(facts: Facts) -> float:
    return facts.number("scale_depth") / math.sqrt(max(1, facts.integer(*LAYERS)))


def _logits(facts: Facts) -> float:
    return width(facts) / max(1, facts.integer("dim_model_base"))


MINICPM = Architecture(
    name="minicpm",
    hf=("MiniCPMForCausalLM",),
    vocab="auto",
    keys=(
        *DECODER_KEYS,
        Key("{arch}.embedding_scale", "float32", ("scale_emb",), required=True),
        Key("{arch}.residual_scale", "float32", derive=_residual),
        Key("{arch}.logit_scale", "float32", derive=_logits, above=0),
    ),
    globals=(*LONGROPE_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(Stack((*paired(attention()), *swiglu())),),
    # What its own code's configuration fills in.
    defaults={"minicpm": {"scale_emb": 1, "scale_depth": 1, "dim_model_base": 1}},
    graph=(*decoder_graph(*LONGROPE), without("attention_bias"), without("num_experts")),
    checks=DECODER_CHECKS,
    remarks=(*DECODER_REMARKS, longrope_remark),
    ignored_fields=("rope_scaling.type",),
)
