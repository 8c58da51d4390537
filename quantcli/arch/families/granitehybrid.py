"""Granite 4 hybrids and Bamba: Mamba 2 in most layers, attention in some, experts or none.

Longer than others as two classes with names of their own share one architecture.
"""

from __future__ import annotations

from dataclasses import replace

from quantcli.arch.architecture import Architecture, Implements, Key, Stack, Value
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, has, norm, paired, swiglu, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, decoder_graph
from quantcli.arch.experts import OPTIONAL_EXPERT_KEYS, dense, sparse
from quantcli.arch.facts import Facts
from quantcli.arch.granite import (
    GRANITE_EXPERTS,
    GRANITE_KEYS,
    GRANITE_SUFFIXES,
    HYBRID,
    attends,
    positions,
    shared_inner,
    shared_mlp,
)
from quantcli.arch.keys import context
from quantcli.arch.recurrent import (
    STATE_IGNORED,
    State,
    both_kinds,
    expanded,
    heads_kv_key,
    mamba2,
    other,
    size,
    ssm_keys,
    state_graph,
)
from quantcli.arch.relations import unless
from quantcli.arch.rope import LLAMA3, LLAMA3_FACTORS, ROTARY_KEY, rotary_dim

_SIZES = State(
    conv=size("mamba_d_conv"),
    inner=expanded("mamba_expand"),
    state=size("mamba_d_state"),
    rank=size("mamba_n_heads"),
    groups=size("mamba_n_groups"),
)
_BIASES = unless("attention_bias")
_FUSED = has("layers.{n}.shared_mlp.input_linear.weight")


def _context(facts: Facts) -> int:
    """Return the number of positions; without any, what llama.cpp's converter writes."""
    return context(facts) if positions(facts) else 2**20


def _shared(facts: Facts) -> Value | None:
    return shared_inner(facts) if facts.hf == HYBRID else None


_REPLACED = {
    "{arch}.context_length": Key("{arch}.context_length", "uint32", derive=_context, at_least=1),
    "{arch}.attention.head_count_kv": heads_kv_key(attends),
    "{arch}.rope.dimension_count": ROTARY_KEY,
}
_KEYS = tuple(
    _REPLACED.get(key.name, replace(key, required=key.required and "logit_scale" not in key.name))
    for key in GRANITE_KEYS
)

GRANITEHYBRID = Architecture(
    name="granitehybrid",
    hf=(HYBRID, "BambaForCausalLM"),
    vocab="auto",
    keys=(
        *_KEYS,
        *OPTIONAL_EXPERT_KEYS,
        Key("{arch}.expert_shared_feed_forward_length", "uint32", derive=_shared),
        *ssm_keys(_SIZES),
    ),
    globals=(*LLAMA3_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                *switched(mamba2("mamba.", _SIZES), other(attends)),
                *switched(
                    paired(
                        attention(biases=_BIASES, output_bias=_BIASES, norm_source=""), rotary_dim
                    ),
                    attends,
                ),
                norm("ffn_norm", "post_attention_layernorm"),
                *switched(GRANITE_EXPERTS, sparse),
                *switched(switched(shared_mlp("_shexp"), sparse), _FUSED),
                *switched(switched(shared_mlp(), dense), _FUSED),
                *switched(
                    swiglu(at="feed_forward.", norm_source="", biases=unless("mlp_bias")),
                    other(_FUSED),
                ),
            )
        ),
    ),
    suffixes=(
        *GRANITE_SUFFIXES,
        ("pre_ff_layernorm.weight", "post_attention_layernorm.weight"),
        ("final_layernorm.weight", "norm.weight"),
    ),
    defaults={"bamba": {"partial_rotary_factor": 0.5}},
    graph=(
        *decoder_graph(LLAMA3, partial=True),
        both_kinds("layer_types", attends, other(attends)),
        Implements("mamba_expand", (2,)),
        *state_graph("mamba_proj_bias", "mamba_conv_bias"),
    ),
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
    ignored_fields=(
        *STATE_IGNORED,
        "attn_layer_*",
        "mamba_d_head",
        "num_logits_to_keep",
        "attn_rotary_emb",
        "intermediate_size",
    ),
)
