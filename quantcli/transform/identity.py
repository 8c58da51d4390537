"""The tensor as it is."""

from __future__ import annotations

from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform


def _shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    (shape,) = shapes
    return shape


def _rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    return load.rows(0, start, stop)


IDENTITY = Transform("identity", _shape, _rows, moves_rows=True)
