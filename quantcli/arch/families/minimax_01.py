"""MiniMax Text 01 and M1: lightning attention with a state, softmax attention in some layers.

Longer than others for its factors, which two writers of checkpoints spell in two ways.
"""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Implements, Key, Stack, Value
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, norm, row, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.experts import EXPERT_KEYS, routed, router, routing_problems
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, head_dim, inner, query_width, width
from quantcli.arch.recurrent import both_kinds, kind_of, other, product

_ATTENDS = kind_of("layer_types", "full_attention")
_ALPHAS = (
    ("full_attn_alpha_factor", "layernorm_full_attention_alpha"),
    ("linear_attn_alpha_factor", "layernorm_linear_attention_alpha"),
    ("mlp_alpha_factor", "layernorm_mlp_alpha"),
)
_BETAS = (
    ("full_attn_beta_factor", "layernorm_full_attention_beta"),
    ("linear_attn_beta_factor", "layernorm_linear_attention_beta"),
    ("mlp_beta_factor", "layernorm_mlp_beta"),
)


def _factor(fields: tuple[str, str], facts: Facts) -> float:
    return facts.number(*fields, default=1.0)


def _alpha(facts: Facts) -> float:
    """Return the weight of the residual, one for all sums."""
    return _factor(_ALPHAS[0], facts)


def _unequal(facts: Facts) -> object:
    factors = [_factor(fields, facts) for fields in _ALPHAS]
    return None if len(set(factors)) == 1 else factors


def _weights(facts: Facts) -> object:
    factors = [_factor(fields, facts) for fields in _BETAS]
    return None if set(factors) == {1.0} else factors


def _layer_types(facts: Facts) -> list[str]:
    """Return the kinds of layers: what the first releases list as numbers, or the alternation."""
    said = facts.get("attn_type_list")
    layers = range(facts.integer(*LAYERS))
    kinds = said if isinstance(said, list) else [(n + 1) % 2 for n in layers]
    return ["full_attention" if kind == 1 else "linear_attention" for kind in kinds]


def _recurrent(facts: Facts) -> Value:
    layers = (facts.at(layer) for layer in range(facts.integer(*LAYERS)))
    return tuple(not _ATTENDS(layer) for layer in layers)


def _rotated(facts: Facts) -> int:
    """Return how many numbers of a head are rotated: all, but for the first releases."""
    return head_dim(facts) if facts.get("rotary_dim") is None else facts.integer("rotary_dim")


def _one_layer(facts: Facts) -> Iterable[str]:
    if facts.integer(*LAYERS) < 2:
        yield "the decay of a layer's state follows from its place among several, there is one"


_STATE = (
    norm("attn_norm_2", "self_attn.norm", query_width),
    row(
        "attn_qkv.weight",
        "self_attn.qkv_proj.weight",
        shape=(product(lambda facts: 3, query_width), width),
    ),
    row("attn_gate.weight", "self_attn.output_gate.weight", shape=(query_width, width)),
    row("attn_output.weight", "self_attn.out_proj.weight", shape=(width, query_width)),
)

MINIMAX_01 = Architecture(
    name="minimax-01",
    hf=("MiniMaxForCausalLM", "MiniMaxText01ForCausalLM", "MiniMaxM1ForCausalLM"),
    vocab="auto",
    keys=(
        *DECODER_KEYS,
        *EXPERT_KEYS,
        Key("{arch}.residual_scale", "float32", derive=_alpha),
        Key("{arch}.attention.recurrent_layers", "array:bool", derive=_recurrent),
        Key("{arch}.rope.dimension_count", "uint32", derive=_rotated, at_least=2),
    ),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                *switched(attention(norm_source=""), _ATTENDS),
                *switched(_STATE, other(_ATTENDS)),
                norm("ffn_norm", "post_attention_layernorm"),
                router(),
                *routed(names=("w1", "w3", "w2"), size=inner),
            )
        ),
    ),
    renames=((".block_sparse_moe.", ".mlp."),),
    # The decays of the state follow from the layer's number; the runtime computes them.
    ignored=("layers.*.self_attn.*_decay", "layers.*.self_attn.slope_rate"),
    defaults={
        "minimax": {"layer_types": _layer_types},
        "MiniMaxText01": {"layer_types": _layer_types},
        "minimax_text_01": {"layer_types": _layer_types},
        "MiniMaxM1": {"layer_types": _layer_types},
        "minimax_m1": {"layer_types": _layer_types},
    },
    graph=(
        *decoder_graph(),
        both_kinds("layer_types", _ATTENDS, other(_ATTENDS)),
        Implements("*_alpha_factor", (None,), _unequal),
        Implements("*_beta_factor", (None,), _weights),
        Implements("sliding_window", (None,)),
        Implements("postnorm", (True,)),
        Implements("shared_intermediate_size", (0,)),
    ),
    checks=(*DECODER_CHECKS, routing_problems, _one_layer),
    remarks=DECODER_REMARKS,
    ignored_fields=("attn_type_list", "block_size", "router_jitter_noise", "shared_moe_mode"),
)
