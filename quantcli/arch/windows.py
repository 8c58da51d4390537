"""Sliding windows: which layers attend to the last tokens only, and the keys that say so.

llama.cpp reads the layers either as a period (of every p layers the last attends to all tokens) or,
in newer builds, as one truth value a layer. The period is written wherever it says the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from quantcli.arch.architecture import Implements, Key, Value
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS

Windows = Callable[[Facts], tuple[bool, ...]]
SLIDING, FULL = "sliding_attention", "full_attention"
_PATTERN = "{arch}.attention.sliding_window_pattern"


def windows(period: int, field: str = "sliding_window_pattern") -> Windows:
    """Return the question which layers have a window: by layer_types, or else by a period.

    Args:
        period: the class's: all layers but every `period`-th have a window.
        field: the config field with another one.
    """

    def asked(facts: Facts) -> tuple[bool, ...]:
        kinds, said = facts.get("layer_types"), facts.get(field)
        if isinstance(kinds, list):
            return tuple(kind == SLIDING for kind in kinds)
        if isinstance(said, str) and said:  # a letter a layer, repeated: L for a window
            return tuple(said[n % len(said)] == "L" for n in range(facts.integer(*LAYERS)))
        return periodic(facts, said if isinstance(said, int) else period)

    return asked


def periodic(facts: Facts, period: int) -> tuple[bool, ...]:
    """Return what llama.cpp makes of a period: all but every `period`-th layer; 0 is all."""
    return tuple(period == 0 or (i + 1) % period != 0 for i in range(facts.integer(*LAYERS)))


def full_first(period: int, field: str) -> tuple[Key, Implements]:
    """Return the key of a period whose first layer attends to all, and the row for other windows.

    Args:
        period: the class's, where neither layer_types nor the config says another.
        field: the config field with another one.
    """
    asked = windows(period, field)

    def periodic_from(layers: int, length: int) -> tuple[bool, ...]:
        return tuple(length == 0 or i % length != 0 for i in range(layers))

    def found(facts: Facts) -> int | None:
        said = facts.get(field) or period
        if facts.get("layer_types") is None:
            return said if isinstance(said, int) else None
        have, layers = asked(facts), facts.integer(*LAYERS)
        lengths = (period, *range(layers + 1))
        return next((each for each in lengths if have == periodic_from(layers, each)), None)

    def other(facts: Facts) -> object:
        return (facts.get("layer_types") or facts.get(field)) if found(facts) is None else None

    return Key(_PATTERN, "uint32", derive=found), Implements("layer_types", (None,), other)


def layer_kinds() -> Implements:
    """Return the row for a layer that is neither windowed nor not."""

    def other(facts: Facts) -> object:
        kinds = facts.get("layer_types")
        if not isinstance(kinds, list):
            return kinds
        if len(kinds) != facts.integer(*LAYERS):
            return kinds
        return next((kind for kind in kinds if kind not in (SLIDING, FULL)), None)

    return Implements("layer_types", (None,), other)


def some_window(asked: Windows) -> Implements:
    """Return the row for graphs that want at least one layer with a window."""

    def without_any(facts: Facts) -> object:
        return None if any(asked(facts)) else "full_attention in every layer"

    return Implements("layer_types", (None,), without_any)


def some_of_both(asked: Windows) -> Implements:
    """Return the row for graphs that want layers with a window and layers without."""

    def all_alike(facts: Facts) -> object:
        have = set(asked(facts))
        kind = SLIDING if True in have else FULL
        return None if len(have) == 2 else f"{kind} in every layer"

    return Implements("layer_types", (None,), all_alike)


def layered_window_keys(asked: Windows) -> tuple[Key, ...]:
    """Return the keys of the window's length and of one truth value a layer.

    Where no layer has a window, or the config and its class say no length, there are none.
    """

    def layers(facts: Facts) -> Value | None:
        return None if length_of(asked, facts) is None else asked(facts)

    return (
        _length_key(asked),
        Key(_PATTERN, "array:bool", derive=layers),
    )


def _length_key(asked: Windows) -> Key:
    name = "{arch}.attention.sliding_window"
    return Key(name, "uint32", derive=partial(length_of, asked), at_least=1)


def length_of(asked: Windows, facts: Facts) -> Value | None:
    """Return the window's length, None where no layer has one."""
    value: Value | None = facts.get("sliding_window")
    return value if any(asked(facts)) else None


def window_keys(asked: Windows, period: int) -> tuple[Key, ...]:
    """Return the keys of the window's length and of its layers, the latter where needed.

    Args:
        asked: which layers have a window; where none has, no key is written.
        period: what the loader assumes without the key.
    """

    def layers(facts: Facts) -> Value | None:
        have = asked(facts)
        if not any(have) or have == periodic(facts, period):
            return None
        periods = (p for p in (0, *range(2, len(have) + 1)) if have == periodic(facts, p))
        return next(periods, tuple(int(each) for each in have))

    return (_length_key(asked), Key(_PATTERN, "uint32", derive=layers, layered=True))


def periodic_layers(asked: Windows) -> Implements:
    """Return the row for layers with a window that are not all but every p-th."""

    def unlike(facts: Facts) -> object:
        have = asked(facts)
        periods = (0, *range(2, len(have) + 1))
        fits = not any(have) or any(have == periodic(facts, p) for p in periods)
        return None if fits else facts.get("layer_types")

    return Implements("layer_types", (None,), unlike)
