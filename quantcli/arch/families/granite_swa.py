"""Granite with sliding windows and attention sinks, dense or with routed experts."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, norm, row, swiglu, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS
from quantcli.arch.experts import OPTIONAL_EXPERT_KEYS, dense, router, sparse
from quantcli.arch.granite import (
    GRANITE_ATTENTION,
    GRANITE_GRAPH,
    GRANITE_KEYS,
    GRANITE_SUFFIXES,
    SHARED,
    SHARED_LENGTH_KEY,
    granite_windows,
    other_base,
    rotated,
    shared_inner,
)
from quantcli.arch.keys import experts, heads, inner, twice, width
from quantcli.arch.relations import unless, where
from quantcli.arch.rope import ROPE_FACTORS, longrope_remark
from quantcli.arch.windows import layer_kinds, layered_window_keys, some_window

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
        *layered_window_keys(granite_windows),
        Key("{arch}.attention.rope_pattern", "array:bool", derive=rotated),
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
        some_window(granite_windows),
        Implements("layer_rope_theta", (None,), other_base),
    ),
    checks=DECODER_CHECKS,
    remarks=(*DECODER_REMARKS, longrope_remark),
)
