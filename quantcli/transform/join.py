"""Several tensors as one: stacked along a new dimension, or one after the other.

`stack` puts the matrices of the experts into one tensor (experts, outputs, inputs), vectors into a
matrix. `concat` appends along the outermost dimension: rows to rows, elements of vectors to
elements.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform


def _stack_shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    if not shapes:
        raise ValueError("no tensors to stack")
    unlike = next((shape for shape in shapes if shape != shapes[0]), None)
    if unlike is not None:
        raise ValueError(f"tensors of shapes {shapes[0]} and {unlike} cannot be stacked")
    return (len(shapes), *shapes[0])


def _concat_shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    if not shapes or not all(shapes):
        raise ValueError("no tensors with rows to append")
    unlike = next((shape for shape in shapes if shape[1:] != shapes[0][1:]), None)
    if unlike is not None:
        raise ValueError(f"tensors of shapes {shapes[0]} and {unlike} do not have equal rows")
    return (sum(shape[0] for shape in shapes), *shapes[0][1:])


def _rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    """Return rows of all sources' rows in their order."""
    parts = [load.rows(*part) for part in _parts(load.shapes, start, stop)]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else load.rows(0, 0, 0)


def _concat_rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    if len(load.shapes[0]) > 1:
        return _rows(load, args, start, stop)
    vectors = [load.rows(source, 0, 1) for source in range(len(load.shapes))]
    return np.concatenate(vectors, axis=1)[start:stop]


def _parts(shapes: Iterable[Shape], start: int, stop: int) -> Iterable[tuple[int, int, int]]:
    """Give source, first and last row of what lies in [start, stop) of all rows."""
    base = 0
    for source, shape in enumerate(shapes):
        count = math.prod(shape[:-1])
        first, end = max(start - base, 0), min(stop - base, count)
        if first < end:
            yield source, first, end
        base += count
        if base >= stop:
            return


STACK = Transform("stack", _stack_shape, _rows, moves_rows=True)
CONCAT = Transform("concat", _concat_shape, _concat_rows, moves_rows=True)
