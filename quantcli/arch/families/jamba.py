"""Jamba: Mamba layers, some layers of attention without positions, experts in some layers.

Longer than others for three kinds of layers, each of its own tensors.
"""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, attention, norm, output, swiglu, switched
from quantcli.arch.experts import EXPERT_COUNT_KEY, EXPERTS_USED, routed, router
from quantcli.arch.facts import Facts
from quantcli.arch.keys import RMS_EPSILON_KEY, SIZE_KEYS, experts
from quantcli.arch.recurrent import (
    STATE_IGNORED,
    State,
    both_kinds,
    every,
    expanded,
    heads_kv_key,
    mamba,
    other,
    sixteenth,
    size,
    ssm_keys,
    state_graph,
)
from quantcli.arch.relations import (
    PLAIN,
    SILU,
    grouped_heads,
    heads_fill_the_width,
    tied_remark,
    vocabulary_remark,
)

_SIZES = State(
    conv=size("mamba_d_conv"),
    inner=expanded("mamba_expand"),
    state=size("mamba_d_state"),
    rank=size("mamba_dt_rank", otherwise=sixteenth),
)
_ATTENDS = every(size("attn_layer_period"), size("attn_layer_offset"))
_ROUTES = every(size("expert_layer_period"), size("expert_layer_offset"))


def _routes(facts: Facts) -> bool:
    return experts(facts) > 1 and _ROUTES(facts)


JAMBA = Architecture(
    name="jamba",
    hf=("JambaForCausalLM",),
    vocab="auto",
    keys=(
        *SIZE_KEYS,
        heads_kv_key(_ATTENDS),
        *ssm_keys(_SIZES),
        RMS_EPSILON_KEY,
        EXPERT_COUNT_KEY,
        Key(
            "{arch}.expert_used_count",
            "uint32",
            derive=lambda facts: min(experts(facts), facts.integer(*EXPERTS_USED)),
        ),
    ),
    globals=(*EMBEDDING, *output("final_layernorm")),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                *switched(attention(norm_source=""), _ATTENDS),
                *switched(
                    (
                        *mamba("mamba.", _SIZES),
                        norm("ssm_dt_norm", "mamba.dt_layernorm", _SIZES.rank),
                        norm("ssm_b_norm", "mamba.b_layernorm", _SIZES.state),
                        norm("ssm_c_norm", "mamba.c_layernorm", _SIZES.state),
                    ),
                    other(_ATTENDS),
                ),
                norm("ffn_norm", "pre_ff_layernorm"),
                *switched(swiglu(at="feed_forward.", norm_source=""), other(_routes)),
                *switched(
                    (router("feed_forward.router"), *routed("feed_forward.experts.")), _routes
                ),
            )
        ),
    ),
    graph=(
        SILU,
        both_kinds("attn_layer_period", _ATTENDS, other(_ATTENDS)),
        Implements("mamba_expand", (2,)),
        *state_graph("mamba_proj_bias", "mamba_conv_bias"),
        *PLAIN,
    ),
    checks=(grouped_heads, heads_fill_the_width),
    remarks=(tied_remark, vocabulary_remark("embed_tokens.weight")),
    ignored_fields=STATE_IGNORED,
)
