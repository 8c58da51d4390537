"""Jais: GPT-2 with ALiBi, a gate, and scales on both ends, which go into the weights.

Longer than most: its scales have several names, and its slopes are read from a tensor.
"""

from __future__ import annotations

import math

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import affine, linear, row
from quantcli.arch.facts import Facts
from quantcli.arch.gpt import Names, gpt_layer, required_output, transposed
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    FEED_FORWARD_KEY,
    HEADS_KEY,
    NORM_EPSILON_KEY,
    WIDTH_KEY,
    context_key,
    heads,
    inner,
    width,
)
from quantcli.arch.relations import PLAIN, tied_remark, vocabulary_remark, whole_heads
from quantcli.errors import ConfigError

_SLOPES = "relative_pe.slopes"


def _number(facts: Facts, *fields: str) -> float:
    value = facts.get(*fields)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"{' or '.join(fields)} is {value!r}, not a number")
    return float(value)


def _embedding_scale(facts: Facts) -> float:
    return _number(facts, "mup_embeddings_scale", "embeddings_scale")


def _output_scale(facts: Facts) -> float:
    """Return what the logits are multiplied by."""
    if facts.get("mup_output_alpha") is None:
        return _number(facts, "width_scale")
    return _number(facts, "mup_output_alpha") * _number(facts, "mup_width_scale")


def _alibi_max(facts: Facts) -> float:
    """Return the largest ALiBi exponent: of the stored slopes, or without any the usual one."""
    slopes = facts.numbers(_SLOPES)
    if not slopes:
        return 8.0
    if not 0 < slopes[0] < 1:
        raise ConfigError(f"tensor {_SLOPES!r} begins with {slopes[0]}, which is no slope of ALiBi")
    return float(-round(math.log2(slopes[0]) * 2 ** (max(1, heads(facts)).bit_length() - 1)))


def _scaled_by_length(facts: Facts) -> bool:
    """Tell whether scores are divided by the length of a head, and not by its root."""
    return bool(facts.get("mup_scale_qk_dot_by_d", "scale_qk_dot_by_d"))


JAIS = Architecture(
    name="jais",
    hf=("JAISLMHeadModel",),
    vocab="auto",
    keys=(
        BLOCK_COUNT_KEY,
        context_key("n_positions"),
        WIDTH_KEY,
        FEED_FORWARD_KEY,
        HEADS_KEY,
        NORM_EPSILON_KEY,
        Key("{arch}.attention.max_alibi_bias", "float32", derive=_alibi_max, above=0),
    ),
    globals=(
        row("token_embd.weight", "wte.weight", "multiply", _embedding_scale, shape=(None, width)),
        *affine("output_norm", "ln_f", shape=(width,)),
        *required_output("wte", "lm_head", "multiply", _output_scale),
    ),
    layers=(
        Stack(
            transposed(
                (
                    *gpt_layer(Names(), inner=inner),
                    *linear("ffn_gate", "mlp.c_fc2", shape=(inner, width), bias=False),
                )
            ),
            "h.{n}.",
        ),
    ),
    prefixes=("transformer.",),
    ignored=(_SLOPES,),
    graph=(
        Implements("activation_function", ("swiglu",)),
        Implements("position_embedding_type", ("alibi",)),
        Implements("mup_scale_qk_dot_by_d", (True,), _scaled_by_length),
        Implements("scale_attn_weights", (True,)),
        Implements("scale_attn_by_inverse_layer_idx", (False, None)),
        *PLAIN,
    ),
    checks=(whole_heads,),
    remarks=(tied_remark, vocabulary_remark("wte.weight")),
    ignored_fields=("reorder_and_upcast_attn", "summary_*", "alibi_scaling", "n_ctx"),
)
