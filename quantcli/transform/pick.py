"""Ranges out of every group of rows, or of every group of columns: a fused tensor taken apart.

The rows of a matrix (of every matrix of a stack, the elements of a vector) are seen as groups of
equal length. Each range [first, end) within a group is taken from all groups in turn, one range
after the other. So one operation splits a fused matrix (one group), takes the gate and the up
projection of a stack apart, takes even or odd rows (groups of two), and sorts the queries, keys and
values that some models interleave head by head.

Arguments: the number of groups, then first and end of each range.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quantcli.transform.gather import gathered
from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform

_Indices = npt.NDArray[np.int64]


def _ranges(length: int, args: Args) -> tuple[int, int, tuple[tuple[int, int], ...]]:
    """Return the number of groups, their length, and the ranges, all checked."""
    groups, *ends = (int(arg) for arg in args)
    ranges = tuple(zip(ends[::2], ends[1::2], strict=True))
    if groups < 1 or length % groups:
        raise ValueError(f"{length} rows or columns do not make {groups} equal groups")
    size = length // groups
    if not ranges or any(not 0 <= first < end <= size for first, end in ranges):
        said = ", ".join(f"{first} to {end}" for first, end in ranges)
        raise ValueError(f"groups of {size} rows or columns do not have those from {said}")
    return groups, size, ranges


def _picked(length: int, args: Args) -> _Indices:
    """Return the positions that are taken, in order."""
    groups, size, ranges = _ranges(length, args)
    starts = np.arange(groups, dtype=np.int64)[:, None] * size
    return np.concatenate([(starts + np.arange(a, b, dtype=np.int64)).ravel() for a, b in ranges])


def _count(length: int, args: Args) -> int:
    groups, _, ranges = _ranges(length, args)
    return groups * sum(end - first for first, end in ranges)


def _shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    (shape,) = shapes
    if not shape:
        raise ValueError("a single number has no rows")
    if len(shape) == 1:
        return (_count(shape[0], args),)
    return (*shape[:-2], _count(shape[-2], args), shape[-1])


def _rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    (shape,) = load.shapes
    if len(shape) == 1:
        return load.rows(0, start, stop)[:, _picked(shape[0], args)]
    picked = _picked(shape[-2], args)
    matrix, row = np.divmod(np.arange(start, stop, dtype=np.int64), len(picked))
    return gathered(load, 0, matrix * shape[-2] + picked[row])


def _column_shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    (shape,) = shapes
    if not shape:
        raise ValueError("a single number has no columns")
    return (*shape[:-1], _count(shape[-1], args))


def _column_rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    (shape,) = load.shapes
    return np.ascontiguousarray(load.rows(0, start, stop)[:, _picked(shape[-1], args)])


PICK = Transform("pick", _shape, _rows, moves_rows=True)
PICK_COLUMNS = Transform("pick_columns", _column_shape, _column_rows)
