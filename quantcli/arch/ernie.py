"""What ERNIE 4.5 with experts and without share: fused projections of older checkpoints."""

from __future__ import annotations

from quantcli.arch.architecture import Row
from quantcli.arch.blocks import attention, halves, has, lacks, norm, row, swiglu, switched
from quantcli.arch.facts import Facts
from quantcli.arch.keys import inner, key_width, query_width, width

_QKV = "self_attn.qkv_proj.weight"
_GATE_UP = "mlp.up_gate_proj.weight"


def _keys_end(facts: Facts) -> int:
    return query_width(facts) + key_width(facts)


def _values_end(facts: Facts) -> int:
    return _keys_end(facts) + key_width(facts)


def ernie_attention() -> tuple[Row, ...]:
    """Return the rows of an attention whose projections are apart, or one matrix (q, k, v)."""
    apart = attention()
    fused = (
        *apart[:1],
        row("attn_q.weight", _QKV, "pick", 1, 0, query_width, shape=(query_width, width)),
        row("attn_k.weight", _QKV, "pick", 1, query_width, _keys_end, shape=(key_width, width)),
        row("attn_v.weight", _QKV, "pick", 1, _keys_end, _values_end, shape=(key_width, width)),
        *apart[-1:],
    )
    whole = f"layers.{{n}}.{_QKV}"
    return (*switched(apart, lacks(whole)), *switched(fused, has(whole)))


def ernie_feed_forward() -> tuple[Row, ...]:
    """Return the rows of a feed-forward whose gate and up projections are apart, or one matrix."""
    apart = swiglu(norm_source="")
    fused = (*halves(("ffn_gate.weight", "ffn_up.weight"), _GATE_UP, inner), *apart[-1:])
    whole = f"layers.{{n}}.{_GATE_UP}"
    return (
        norm("ffn_norm", "post_attention_layernorm"),
        *switched(apart, lacks(whole)),
        *switched(fused, has(whole)),
    )
