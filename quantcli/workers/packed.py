"""Values that travel to workers and back in great numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from operator import attrgetter
from typing import Any


class Packed:
    """Base of frozen, slotted dataclasses that are pickled as their class and their fields.

    A dataclass of that kind is otherwise pickled by asking it for its fields one by one, which
    takes ten times as long: for small tensors longer than the work.
    """

    __slots__: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        kind: Any = type(self)
        return kind, _fields(kind)(self)


@functools.cache
def _fields(kind: Any) -> Callable[[Packed], tuple[Any, ...]]:
    """Return what takes the values of all fields out of an instance of the class `kind`."""
    if len(kind.__slots__) > 1:
        return attrgetter(*kind.__slots__)
    (name,) = kind.__slots__
    return lambda value: (getattr(value, name),)
