"""GLM 4.5, 4.6, 4.7 and their seeing versions, Solar Open: experts after the first dense layers."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, head_norms, norm, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.experts import (
    DENSE_FIRST,
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    GROUP_KEYS,
    LEADING_DENSE_KEY,
    SHARED_COUNT_KEY,
    SIGMOID,
    WEIGHTS_NORM_KEY,
    WEIGHTS_SCALE_KEY,
    dense_then_routed,
    gating_key,
    maybe_all_sparse,
    routing_problems,
)
from quantcli.arch.facts import Facts
from quantcli.arch.mrope import MROPE, MultiRope
from quantcli.arch.nextn import NEXTN_KEY, NEXTN_ROWS, all_blocks, all_layers
from quantcli.arch.relations import unless
from quantcli.arch.rope import ROTARY_KEY

_ROPE = MultiRope((8, 12, 12))
_CLASS = {**SIGMOID, "partial_rotary_factor": 0.5}


def _sees(facts: Facts) -> bool:
    return facts.rope("mrope_section") is not None or "ForConditionalGeneration" in facts.hf


def _normed(facts: Facts) -> bool:
    """Tell whether heads have norms; the class of the seeing models and Solar's have none."""
    return facts.get("use_qk_norm") is True


GLM4MOE = Architecture(
    name="glm4moe",
    hf=("Glm4MoeForCausalLM", "Glm4vMoeForConditionalGeneration", "SolarOpenForCausalLM"),
    vocab="glm",
    keys=(
        *maybe_all_sparse(all_blocks(_ROPE.keys(DECODER_KEYS, when=_sees))),
        ROTARY_KEY,
        *EXPERT_KEYS,
        EXPERT_LENGTH_KEY,
        SHARED_COUNT_KEY,
        LEADING_DENSE_KEY,
        *GROUP_KEYS,
        gating_key("scoring_func"),
        WEIGHTS_SCALE_KEY,
        WEIGHTS_NORM_KEY,
        NEXTN_KEY,
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(biases=unless("attention_bias")),
                *switched(head_norms(), _normed),
                norm("post_attention_norm", "post_attention_layernorm"),
                *dense_then_routed(norm_source=""),
                *NEXTN_ROWS,
            ),
            count=all_layers,
        ),
    ),
    defaults={
        "glm4_moe": _CLASS,
        "glm4v_moe": _CLASS,
        "glm4v_moe_text": _CLASS,
        "solar_open": SIGMOID,
    },
    graph=(
        *decoder_graph(MROPE, partial=True),
        _ROPE.graph,
        *DENSE_FIRST,
        Implements("scoring_func", ("sigmoid",)),
    ),
    checks=(*DECODER_CHECKS, _ROPE.problems_when(_sees), routing_problems),
    remarks=DECODER_REMARKS,
)
