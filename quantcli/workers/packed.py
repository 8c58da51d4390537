"""Values that travel to workers and back in great numbers."""

from __future__ import annotations

from typing import Any


class Packed:
    """Base of frozen, slotted dataclasses that are pickled as their class and their fields.

    A dataclass of that kind is otherwise pickled by asking it for its fields one by one, which
    takes ten times as long: for small tensors longer than the work.
    """

    __slots__: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), tuple(getattr(self, name) for name in self.__slots__)
