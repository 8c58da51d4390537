"""Zeros where a runtime wants numbers that no checkpoint has and no computation uses.

`zeros` is a whole tensor: its dimensions are the arguments, outermost first. `pad_rows` appends
rows of zeros to a matrix, up to as many rows as the argument says.
"""

from __future__ import annotations

import numpy as np

from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform


def _zeros_shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    if shapes:
        raise ValueError("zeros come from no tensor")
    shape = tuple(int(arg) for arg in args)
    if not shape or min(shape) < 1:
        raise ValueError(f"{shape} are no dimensions of a tensor")
    return shape


def _zeros(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    return np.zeros((stop - start, int(args[-1])), np.float32)


def _padded_shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    (shape,), rows = shapes, int(args[0])
    if len(shape) != 2 or shape[0] > rows:
        raise ValueError(f"a tensor of shape {shape} cannot be filled up to {rows} rows")
    return (rows, shape[1])


def _padded(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    (rows, columns) = load.shapes[0]
    stored = load.rows(0, min(start, rows), min(stop, rows))
    if len(stored) == stop - start:
        return stored
    return np.concatenate([stored, np.zeros((stop - start - len(stored), columns), np.float32)])


ZEROS = Transform("zeros", _zeros_shape, _zeros)
PAD_ROWS = Transform("pad_rows", _padded_shape, _padded)
