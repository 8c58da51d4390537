"""One operation after the other, as one transform that still yields any range of rows.

Its name is the names joined by "|" ("transpose|pick"), first operation first; its arguments are
those of each operation, separated by "|". Only the first may have several sources.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform

SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class _Result:
    """What one operation gives, as the only source of the next (see transform.Load)."""

    load: Load
    transform: Transform
    args: Args

    @property
    def shapes(self) -> tuple[Shape, ...]:
        return (self.transform.shape(self.load.shapes, self.args),)

    def rows(self, source: int, start: int, stop: int) -> FloatArray:  # noqa: ARG002 - a Load's
        return self.transform.rows(self.load, self.args, start, stop)

    def columns(
        self, source: int, start: int, stop: int, first: int = 0, end: int | None = None
    ) -> FloatArray:
        end = math.prod(self.shapes[0][:-1]) if end is None else end
        return self.rows(source, first, end)[:, start:stop]


def split(args: Args, count: int) -> tuple[Args, ...]:
    """Return the arguments of each of `count` operations.

    Raises:
        ValueError: there are more or fewer parts.
    """
    parts: list[list[int | float | str]] = [[]]
    for arg in args:
        if arg == SEPARATOR:
            parts.append([])
        else:
            parts[-1].append(arg)
    if len(parts) > count:
        raise ValueError(f"arguments for {len(parts)} operations, there are {count}")
    # Operations without arguments at the end need no separators.
    return (*(tuple(part) for part in parts), *((),) * (count - len(parts)))


def chain(transforms: tuple[Transform, ...]) -> Transform:
    """Return the transforms one after the other as one."""

    def shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
        for transform, own in zip(transforms, split(args, len(transforms)), strict=True):
            shapes = (transform.shape(shapes, own),)
        return shapes[0]

    def rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
        *inner, last = zip(transforms, split(args, len(transforms)), strict=True)
        for transform, own in inner:
            load = _Result(load, transform, own)
        return last[0].rows(load, last[1], start, stop)

    return Transform(
        SEPARATOR.join(transform.name for transform in transforms),
        shape,
        rows,
        moves_rows=all(transform.moves_rows for transform in transforms),
    )
