"""Granite with sliding windows and attention sinks, dense or with routed experts."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack, Value
from quantcli.arch.blocks import EMBEDDING, OUTPUT, norm, row, swiglu, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS
from quantcli.arch.experts import OPTIONAL_EXPERT_KEYS, dense, router, sparse
from quantcli.arch.facts import Facts
from quantcli.arch.granite import (
    GRANITE_ATTENTION,
    GRANITE_GRAPH,
    GRANITE_KEYS,
    GRANITE_SUFFIXES,
    SHARED,
    SHARED_LENGTH_KEY,
    shared_inner,
)
from quantcli.arch.keys import LAYERS, experts, heads, inner, twice, width
from quantcli.arch.relations import unless, where
from quantcli.arch.rope import ROPE_FACTORS, longrope_remark
from quantcli.arch.windows import SLIDING, layer_kinds, layered_window_keys, some_window


def _windows(facts: Facts) -> tuple[bool, ...]:
    """Return which layers have a window: by layer_types, or all but the first of every four."""
    kinds = facts.get("layer_types")
    if isinstance(kinds, list):
        return tuple(kind == SLIDING for kind in kinds)
    return tuple(i % 4 != 0 for i in range(facts.integer(*LAYERS)))


def _bases(facts: Facts) -> list[object]:
    bases = facts.get("layer_rope_theta")
    return bases if isinstance(bases, list) else []


def _rotated(facts: Facts) -> Value | None:
    """Return which layers are rotated: those whose base is not 0."""
    return tuple(base != 0 for base in _bases(facts)) if 0 in _bases(facts) else None


def _other_base(facts: Facts) -> object:
    known = (0, facts.rope_number("rope_theta"))
    return next((base for base in _bases(facts) if base not in known), None)


_MIXTURE = (
    router("block_sparse_moe.router"),
    row(
        "ffn_gate_up_exps.weight",
        "block_sparse_moe.experts.gate_up_proj",
        shape=(experts, twice(inner), width),
    ),
    row(
        "ffn_down_exps.weight",
        "block_sparse_moe.experts.down_proj",
        shape=(experts, width, inner),
    ),
)
_SHARED_EXPERT = (
    row(
        "ffn_up_shexp.weight",
        "shared_mlp.input_linear.weight",
        shape=(twice(shared_inner), width),
    ),
    row("ffn_down_shexp.weight", "shared_mlp.output_linear.weight", shape=(width, shared_inner)),
)

GRANITE_SWA = Architecture(
    name="granite_swa",
    hf=("GraniteSWAForCausalLM", "GraniteMoeSWAForCausalLM"),
    vocab="llama",
    keys=(
        *GRANITE_KEYS,
        *OPTIONAL_EXPERT_KEYS,
        SHARED_LENGTH_KEY,
        *layered_window_keys(_windows),
        Key("{arch}.attention.rope_pattern", "array:bool", derive=_rotated),
    ),
    globals=(*ROPE_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *GRANITE_ATTENTION,
                row("attn_sinks.weight", "self_attn.sinks", shape=(heads,)),
                norm("ffn_norm", "post_attention_layernorm"),
                *switched(swiglu(biases=unless("mlp_bias"), norm_source=""), dense),
                *switched(_MIXTURE, sparse),
                *switched(_SHARED_EXPERT, where(SHARED)),
            )
        ),
    ),
    suffixes=GRANITE_SUFFIXES,
    graph=(
        *GRANITE_GRAPH,
        layer_kinds(),
        some_window(_windows),
        Implements("layer_rope_theta", (None,), _other_base),
    ),
    checks=DECODER_CHECKS,
    remarks=(*DECODER_REMARKS, longrope_remark),
)
