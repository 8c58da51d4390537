"""MiMo V2: windows with sinks and twice the key heads, values of a length and a scale of their own.

Released configs speak of layers by numbers, transformers' by names; both are read.
"""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, norm, optional, output, row
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.experts import (
    DENSE_FIRST,
    EXPERT_KEYS,
    EXPERT_LENGTH_KEY,
    GROUP_KEYS,
    SIGMOID,
    dense_then_routed,
    routing_problems,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, head_dim, heads, heads_kv, query_width, width
from quantcli.arch.relations import without
from quantcli.arch.rope import ROTARY_KEY
from quantcli.arch.windows import SLIDING, layer_kinds

_VALUE = "v_head_dim"


def _windowed(facts: Facts) -> tuple[bool, ...]:
    """Return which layers have a window; by class all but the first and every sixth."""
    kinds, numbers = facts.get("layer_types"), facts.get("hybrid_layer_pattern")
    if isinstance(kinds, list):
        return tuple(kind == SLIDING for kind in kinds)
    if isinstance(numbers, list):
        return tuple(number == 1 for number in numbers)
    return tuple(i != 0 and (i + 1) % 6 != 0 for i in range(facts.integer(*LAYERS)))


def _key_heads(facts: Facts) -> tuple[int, ...]:
    said = facts.get("swa_num_key_value_heads")
    local = said if isinstance(said, int) else 2 * heads_kv(facts)
    return tuple(local if window else heads_kv(facts) for window in _windowed(facts))


def _key_width(facts: Facts) -> int:
    return _key_heads(facts)[facts.layer or 0] * head_dim(facts)


def _value_width(facts: Facts) -> int:
    return _key_heads(facts)[facts.layer or 0] * facts.integer(_VALUE)


def _output_width(facts: Facts) -> int:
    return heads(facts) * facts.integer(_VALUE)


def _window(facts: Facts) -> int:
    """Return the window with the token itself, as transformers counts it."""
    before, said = facts.get("sliding_window_size"), facts.integer("sliding_window")
    return before + 1 if isinstance(before, int) else said


def _dense_layers(facts: Facts) -> int:
    """Return how many layers come before those with experts, of released configs."""
    kinds = facts.get("moe_layer_freq")
    return kinds.index(1) if isinstance(kinds, list) and 1 in kinds else 1


def _alternating(facts: Facts) -> object:
    kinds = facts.get("moe_layer_freq")
    return kinds if isinstance(kinds, list) and kinds != sorted(kinds) else None


def _other(ours: str, theirs: str) -> Implements:
    """Return the row for a number of the windowed layers that must be that of the others."""
    return Implements(
        ours, (None,), lambda f: None if f.get(ours) in (None, f.get(theirs)) else f.get(ours)
    )


MIMO2 = Architecture(
    name="mimo2",
    hf=("MiMoV2FlashForCausalLM", "MiMoV2ForCausalLM"),
    vocab="auto",
    keys=(
        *(key for key in DECODER_KEYS if not key.name.endswith(("head_count_kv", "value_length"))),
        Key("{arch}.attention.head_count_kv", "array:int32", derive=_key_heads),
        Key("{arch}.attention.value_length", "uint32", (_VALUE,), required=True, at_least=1),
        *EXPERT_KEYS,
        EXPERT_LENGTH_KEY,
        *GROUP_KEYS,
        Key("{arch}.attention.sliding_window", "uint32", derive=_window, at_least=1),
        Key("{arch}.attention.sliding_window_pattern", "array:bool", derive=_windowed),
        Key("{arch}.attention.value_scale", "float32", ("attention_value_scale",)),
        ROTARY_KEY,
    ),
    globals=(*EMBEDDING, *output(copied=True)),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                row("attn_q.weight", "self_attn.q_proj.weight", shape=(query_width, width)),
                row("attn_k.weight", "self_attn.k_proj.weight", shape=(_key_width, width)),
                row("attn_v.weight", "self_attn.v_proj.weight", shape=(_value_width, width)),
                row("attn_output.weight", "self_attn.o_proj.weight", shape=(width, _output_width)),
                optional("attn_sinks.weight", "self_attn.attention_sink_bias", shape=(heads,)),
                *dense_then_routed(shared_at=""),
            )
        ),
    ),
    suffixes=((".self_attn.sinks", ".self_attn.attention_sink_bias"),),
    ignored=("mtp.*",),
    defaults={
        "mimo_v2_flash": {
            **SIGMOID,
            "first_k_dense_replace": _dense_layers,
            "rms_norm_eps": lambda facts: facts.get("layernorm_epsilon") or 1e-5,
        }
    },
    graph=(
        *decoder_graph(partial=True),
        DENSE_FIRST[0],
        layer_kinds(),
        Implements("moe_layer_freq", (None,), _alternating),
        without("attention_bias"),
        Implements("norm_topk_prob", (True, None)),
        Implements("routed_scaling_factor", (1, None)),
        Implements("scoring_func", ("sigmoid",)),
        _other("swa_head_dim", "head_dim"),
        _other("swa_v_head_dim", _VALUE),
        _other("swa_num_attention_heads", "num_attention_heads"),
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=("add_*_sink_bias", "attention_chunk_size", "layernorm_epsilon", "topk_method"),
)
