"""Laguna: gated attention with heads by layer, windows with a rotation of their own, experts."""

from __future__ import annotations

from typing import Any

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, head_norms, norm, row, swiglu, switched
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    VOCAB_KEY,
    decoder_graph,
)
from quantcli.arch.experts import (
    DENSE_FIRST,
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    LEADING_DENSE_KEY,
    SIGMOID,
    dense_layer,
    gating_key,
    routed,
    router,
    routing_problems,
    shared,
    sparse_layer,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import HEADS_KEY, LAYERS, experts, head_dim, heads, key_width, width
from quantcli.arch.relations import without
from quantcli.arch.rope import ROTARY_KEY, rotary_dim
from quantcli.arch.windows import SLIDING, layer_kinds

_ROPE = {
    "full_attention": {"rope_theta": 500000.0, "partial_rotary_factor": 0.5},
    "sliding_attention": {"rope_theta": 10000.0, "partial_rotary_factor": 1.0},
}
_SHARED = "shared_expert_intermediate_size"
_HEADS = "num_attention_heads_per_layer"


def _heads(facts: Facts) -> Any:
    """Return the number of query heads: one number, or one a layer where they differ."""
    counts = facts.get(_HEADS)
    return tuple(counts) if isinstance(counts, list) else (heads(facts),) * facts.integer(*LAYERS)


def _query_width(facts: Facts) -> int:
    counts = _heads(facts)
    return int(counts[min(facts.layer or 0, len(counts) - 1)]) * head_dim(facts)


def _windowed(facts: Facts) -> tuple[bool, ...]:
    kinds = facts.get("layer_types")
    if not isinstance(kinds, list):
        return (False,) * facts.integer(*LAYERS)
    return tuple(kind == SLIDING for kind in kinds)


def _window(facts: Facts) -> Any:
    """Return the window's length, None where no layer has one: the loader would take every four."""
    length = facts.get("sliding_window")
    return length if any(_windowed(facts)) else None


def _pattern(facts: Facts) -> tuple[bool, ...] | None:
    """Return which layers have a window, None where it is all but the first of every four."""
    have = _windowed(facts)
    usual = tuple(i % 4 != 0 for i in range(len(have)))
    return have if any(have) and have != usual else None


def _local(facts: Facts, field: str) -> Any:
    """Return a rotary parameter of the layers with a window."""
    local = (facts.get("rope_parameters") or {}).get("sliding_attention")
    return local.get(field) if isinstance(local, dict) else None


def _local_dim(facts: Facts) -> int | None:
    part = _local(facts, "partial_rotary_factor")
    return None if part is None else int(head_dim(facts) * part)


def _window_first(facts: Facts) -> Any:
    """Return the kinds of layers where the graph takes the wrong length of rotation, else None.

    It turns as much of a head as the first layer does, where a layer has no window.
    """
    have, local = _windowed(facts), _local_dim(facts) or head_dim(facts)
    wrong = have[:1] == (True,) and not all(have) and local != rotary_dim(facts)
    return facts.get("layer_types") if wrong else None


def _shared(facts: Facts) -> int:
    return facts.integer(_SHARED)


_MIXTURE = (
    router(),
    *routed(),
    *shared("mlp.shared_experts.", size=_shared),
    row("exp_probs_b.bias", "mlp.gate.e_score_correction_bias", shape=(experts,)),
)

LAGUNA = Architecture(
    name="laguna",
    hf=("LagunaForCausalLM",),
    vocab="auto",
    keys=(
        *(key for key in DECODER_KEYS if key is not HEADS_KEY),
        Key(HEADS_KEY.name, "array:int32", derive=_heads),
        VOCAB_KEY,
        *EXPERT_KEYS,
        EXPERT_LENGTH_KEY,
        Key("{arch}.expert_shared_feed_forward_length", "uint32", (_SHARED,), required=True),
        Key("{arch}.expert_weights_norm", "bool", derive=lambda facts: True),
        Key("{arch}.expert_weights_scale", "float32", ("moe_routed_scaling_factor",)),
        gating_key("scoring_func"),
        LEADING_DENSE_KEY,
        Key("{arch}.attention.sliding_window", "uint32", derive=_window, at_least=1),
        Key("{arch}.attention.sliding_window_pattern", "array:bool", derive=_pattern),
        ROTARY_KEY,
        Key("{arch}.rope.dimension_count_swa", "uint32", derive=_local_dim),
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                row("attn_q.weight", "self_attn.q_proj.weight", shape=(_query_width, width)),
                row("attn_k.weight", "self_attn.k_proj.weight", shape=(key_width, width)),
                row("attn_v.weight", "self_attn.v_proj.weight", shape=(key_width, width)),
                row("attn_output.weight", "self_attn.o_proj.weight", shape=(width, _query_width)),
                *head_norms(),
                # A number a head, or one for each of its numbers: the loader goes by the shape.
                row("attn_gate.weight", "self_attn.g_proj.weight", shape=(None, width)),
                norm("ffn_norm", "post_attention_layernorm"),
                *switched(swiglu(norm_source=""), dense_layer),
                *switched(_MIXTURE, sparse_layer),
            )
        ),
    ),
    renames=((".mlp.shared_expert.", ".mlp.shared_experts."),),
    suffixes=((".experts.e_score_correction_bias", ".gate.e_score_correction_bias"),),
    defaults={"laguna": {**SIGMOID, "first_k_dense_replace": 1, "rope_parameters": _ROPE}},
    graph=(
        *decoder_graph(partial=True),
        *DENSE_FIRST,
        layer_kinds(),
        Implements("layer_types", (None,), _window_first),
        without("attention_bias"),
        without("moe_apply_router_weight_on_input"),
        without("moe_router_logit_softcapping"),
        Implements("scoring_func", ("sigmoid",)),
        Implements(
            "rope_parameters.sliding_attention.rope_type",
            ("default", None),
            lambda facts: _local(facts, "rope_type"),
        ),
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=("gating", "gating_types"),
)
