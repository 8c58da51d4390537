"""OpenELM: another number of heads and another inner width in every layer.

Longer than most: what others have as one number it has as a list, partly to be computed.
"""

from __future__ import annotations

from typing import Any

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import embedding, halves, head_norms, norm, row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import BLOCK_COUNT_KEY, LAYERS, WIDTH_KEY, context_key, head_dim, width
from quantcli.arch.relations import PLAIN, vocabulary_remark
from quantcli.arch.rope import rotary_problems
from quantcli.errors import ConfigError

_LENGTH = ("head_dim",)


def _list(facts: Facts, field: str) -> list[Any]:
    """Return a field with a number a layer."""
    values = facts.get(field)
    if not isinstance(values, list) or len(values) != facts.integer(*LAYERS):
        raise ConfigError(f"{field} is {values!r}, not a number for each layer")
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and v > 0 for v in values):
        raise ConfigError(f"{field} is {values!r}, not positive numbers")
    return values


def _queries(facts: Facts) -> tuple[int, ...]:
    return tuple(int(count) for count in _list(facts, "num_query_heads"))


def _keys(facts: Facts) -> tuple[int, ...]:
    return tuple(int(count) for count in _list(facts, "num_kv_heads"))


def _inners(facts: Facts) -> tuple[int, ...]:
    """Return the inner widths: multiples of the width, rounded to the divisor, not below 90 %."""
    divisor, lengths = facts.integer("ffn_dim_divisor"), []
    if divisor < 1:
        raise ConfigError("ffn_dim_divisor is 0")
    for multiplier in _list(facts, "ffn_multipliers"):
        wanted = multiplier * width(facts)
        length = max(divisor, int(wanted + divisor / 2) // divisor * divisor)
        lengths.append(length + divisor if length < 0.9 * wanted else length)
    return tuple(lengths)


def _inner(facts: Facts) -> int:
    return _inners(facts)[facts.layer or 0]


def _query_width(facts: Facts) -> int:
    return _queries(facts)[facts.layer or 0] * head_dim(facts)


def _fused_width(facts: Facts) -> int:
    return _query_width(facts) + 2 * _keys(facts)[facts.layer or 0] * head_dim(facts)


def _layered(name: str, derive: Any) -> Key:
    return Key(f"{{arch}}.{name}", "uint32", derive=derive, at_least=1, layered=True)


OPENELM = Architecture(
    name="openelm",
    hf=("OpenELMForCausalLM",),
    vocab="auto",
    keys=(
        BLOCK_COUNT_KEY,
        context_key("max_context_length"),
        WIDTH_KEY,
        _layered("feed_forward_length", _inners),
        _layered("attention.head_count", _queries),
        _layered("attention.head_count_kv", _keys),
        Key("{arch}.rope.freq_base", "float32", ("rope_freq_constant",), required=True, above=0),
        # The code has no field for it.
        Key("{arch}.attention.layer_norm_rms_epsilon", "float32", derive=lambda facts: 1e-6),
        *(
            Key(f"{{arch}}.{name}", "uint32", _LENGTH, required=True, at_least=2)
            for name in ("rope.dimension_count", "attention.key_length", "attention.value_length")
        ),
    ),
    globals=(*embedding("token_embeddings"), norm("output_norm", "norm")),
    layers=(
        Stack(
            (
                norm("attn_norm", "attn_norm"),
                row("attn_qkv.weight", "attn.qkv_proj.weight", shape=(_fused_width, width)),
                *head_norms("attn."),
                row("attn_output.weight", "attn.out_proj.weight", shape=(width, _query_width)),
                norm("ffn_norm", "ffn_norm"),
                *halves(("ffn_gate.weight", "ffn_up.weight"), "ffn.proj_1.weight", _inner),
                row("ffn_down.weight", "ffn.proj_2.weight", shape=(width, _inner)),
            )
        ),
    ),
    prefixes=("transformer.",),
    graph=(
        Implements("activation_fn_name", ("swish", "silu")),
        Implements("normalization_layer_name", ("rms_norm",)),
        *(
            Implements(field, (True,))
            for field in ("ffn_with_glu", "normalize_qk_projections", "share_input_output_layers")
        ),
        *PLAIN,
    ),
    checks=(rotary_problems,),
    remarks=(vocabulary_remark("token_embeddings.weight"),),
    ignored_fields=("num_gqa_groups", "qkv_multipliers", "rope_max_length", "tie_word_embeddings"),
)
