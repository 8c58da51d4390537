"""Gemma 4's layers: with a window or without, which have other heads and another rotation.

What layers without a window have otherwise is said by fields of their own (global_head_dim) or, in
newer versions of the class, layer by layer (per_layer_config).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from quantcli.arch.architecture import Arg, Value
from quantcli.arch.facts import Facts
from quantcli.arch.gemma_layers import first_shared, shares
from quantcli.arch.keys import LAYERS, heads, heads_kv, inner
from quantcli.arch.windows import windows

LAYERED = "per_layer_config"
MOE_INNER = ("expert_intermediate_size", "moe_intermediate_size")
_PATTERN = windows(6)


def with_window(facts: Facts) -> tuple[bool, ...]:
    """Return which layers have a window; the class gives the last one none, whatever is said."""
    return (*_PATTERN(facts)[:-1], False)


def _full(facts: Facts) -> bool:
    return facts.layer is not None and not with_window(facts)[facts.layer]


def _layered(facts: Facts) -> dict[str, dict[str, Any]] | None:
    """Return what the config says layer by layer, None where it is no object of objects."""
    layered = facts.get(LAYERED)
    objects = isinstance(layered, dict) and all(isinstance(e, dict) for e in layered.values())
    return layered if objects else None


def _said(facts: Facts, field: str, older: str) -> Any:
    layered = _layered(facts)
    if layered is None:
        return facts.get(older)
    return next((each[field] for each in layered.values() if field in each), None)


def odd_layers(facts: Facts) -> object:
    """Return a per_layer_config that is not the same two sizes for all layers without a window."""
    layered = _layered(facts)
    if layered is None:
        return facts.get(LAYERED)
    full = {str(i) for i, window in enumerate(with_window(facts)) if not window}
    first: Any = next(iter(layered.values()), {})
    alike = all(each == first for each in layered.values())
    known = set(first) <= {"head_dim", "num_key_value_heads"}
    return None if set(layered) == full and alike and known else layered


def full_head_dim(facts: Facts) -> int:
    """Return the length of a head of layers without a window."""
    said = _said(facts, "head_dim", "global_head_dim")
    return said if isinstance(said, int) else facts.integer("head_dim")


def _full_key_heads(facts: Facts) -> int | None:
    """Return the key heads of layers without a window where they have other than the rest."""
    if facts.get(LAYERED) is None and not facts.get("attention_k_eq_v"):
        return None  # the older field counts only where keys serve as values
    said = _said(facts, "num_key_value_heads", "num_global_key_value_heads")
    return said if isinstance(said, int) else None


def layer_head_dim(facts: Facts) -> int:
    """Return the length of a head of the layer."""
    return full_head_dim(facts) if _full(facts) else facts.integer("head_dim")


def layer_queries(facts: Facts) -> int:
    """Return the length of the layer's query heads together."""
    return heads(facts) * layer_head_dim(facts)


def layer_keys(facts: Facts) -> int:
    """Return the length of the layer's key heads together."""
    other = _full_key_heads(facts) if _full(facts) else None
    return (heads_kv(facts) if other is None else other) * layer_head_dim(facts)


def key_heads(facts: Facts) -> Value:
    """Return the number of key heads, one a layer where they differ."""
    full = _full_key_heads(facts)
    if full is None:
        return heads_kv(facts)
    return tuple(heads_kv(facts) if window else full for window in with_window(facts))


def keys_as_values(facts: Facts) -> bool:
    """Tell whether the layer may lack a projection of values."""
    return shares(facts) or (bool(facts.get("attention_k_eq_v")) and _full(facts))


def layer_inner(facts: Facts) -> int:
    """Return the inner length of the layer's feed-forward."""
    return inner(facts) * (2 if facts.get("use_double_wide_mlp") and shares(facts) else 1)


def inners(facts: Facts) -> Value:
    """Return the inner length of the feed-forwards, one a layer where they differ."""
    if not facts.get("use_double_wide_mlp"):
        return inner(facts)
    return tuple(layer_inner(facts.at(layer)) for layer in range(facts.integer(*LAYERS)))


def expert_inner(facts: Facts) -> int:
    """Return the inner length of one routed expert."""
    return facts.integer(*MOE_INNER)


def rotary_factors(facts: Facts) -> tuple[Arg, ...]:
    """Return what divides the angles in layers without a window: only the first pairs turn."""
    half, part = full_head_dim(facts) // 2, facts.rope_number("partial_rotary_factor")
    turning = half if part is None else int(part * full_head_dim(facts) // 2)
    return (*[1.0] * turning, *[1e30] * (half - turning))


def rotary_part_problems(facts: Facts) -> Iterable[str]:
    """Give a part of a head that is none."""
    part = facts.rope_number("partial_rotary_factor")
    if part is not None and not 0 < part <= 1:
        yield f"partial_rotary_factor is {part}, not a part of a head"


def unlike_lenders(facts: Facts) -> object:
    """Return a number of sharing layers where the two before them are not of both kinds, in order.

    The graph lets layers with a window use the keys of the last but one before all that share.
    """
    shared, own = facts.get("num_kv_shared_layers"), with_window(facts)[: first_shared(facts)]
    return None if not shared or own[-2:] == (True, False) else shared


def final_cap(facts: Facts) -> Value:
    """Return the cap on the logits, 0 for none."""
    value: Value = facts.get("final_logit_softcapping") or 0.0
    return value
