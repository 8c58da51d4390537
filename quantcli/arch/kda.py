"""Kimi's delta attention: a gated delta rule with a forget gate for each number of a head.

llama.cpp convolves queries, keys and values apart, with the window's weights along the first
dimension, and takes -exp(A_log).
"""

from __future__ import annotations

from quantcli.arch.architecture import Count, Row
from quantcli.arch.blocks import has, lacks, norm, row, switched
from quantcli.arch.facts import Facts
from quantcli.arch.keys import heads, width


def delta_attention(dim: Count, window: Count, at: str = "self_attn.") -> tuple[Row, ...]:
    """Return the norm and the rows of a layer.

    Args:
        dim: the length of a head.
        window: how many tokens a convolution sees.
        at: what precedes the names.
    """

    def inner(facts: Facts) -> int:
        return heads(facts) * dim(facts)

    return (
        norm("attn_norm", "input_layernorm"),
        *(
            row(f"attn_{part}.weight", f"{at}{part}_proj.weight", shape=(inner, width))
            for part in "qkv"
        ),
        *(each for place in range(3) for each in _convolution(place, inner, window, at)),
        row("ssm_f_a.weight", f"{at}f_a_proj.weight", shape=(dim, width)),
        row("ssm_f_b.weight", f"{at}f_b_proj.weight", shape=(inner, dim)),
        row("ssm_beta.weight", f"{at}b_proj.weight", shape=(heads, width)),
        row("ssm_a", f"{at}A_log", "neg_exp|reshape", "|", 1, 1, heads, 1),
        row("ssm_dt.bias", f"{at}dt_bias", shape=(inner,)),
        row("ssm_g_a.weight", f"{at}g_a_proj.weight", shape=(dim, width)),
        row("ssm_g_b.weight", f"{at}g_b_proj.weight", shape=(inner, dim)),
        norm("ssm_norm", f"{at}o_norm", dim),
        row("attn_output.weight", f"{at}o_proj.weight", shape=(width, inner)),
    )


def _convolution(place: int, inner: Count, window: Count, at: str) -> tuple[Row, ...]:
    """Return the rows of one convolution: stored alone, or as the class has it, one of three."""
    part = "qkv"[place]
    name, fused = f"ssm_conv1d_{part}.weight", f"{at}conv1d.weight"

    def first(facts: Facts) -> int:
        return place * inner(facts)

    def end(facts: Facts) -> int:
        return (place + 1) * inner(facts)

    apart = row(name, f"{at}{part}_conv1d.weight", "reshape", 1, inner, 1, window)
    together = row(
        name,
        fused,
        "reshape|pick|reshape",
        *(-1, window, "|", 1, first, end, "|", 1, inner, 1, window),
    )
    stored = f"layers.{{n}}.{fused}"
    return (*switched((apart,), lacks(stored)), *switched((together,), has(stored)))
