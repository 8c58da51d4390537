"""A matrix, or every matrix of a stack, with its two dimensions exchanged.

GPT-2's Conv1D and the stacked experts of some classes store (inputs, outputs). Output rows are
source columns: a range of them is a gather over the rows of its matrix, so it streams.
"""

from __future__ import annotations

import numpy as np

from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform


def _shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    (shape,) = shapes
    if len(shape) < 2:
        raise ValueError(f"only a matrix can be transposed, not a tensor of shape {shape}")
    return (*shape[:-2], shape[-1], shape[-2])


def _rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    height, width = load.shapes[0][-2:]
    out = np.empty((stop - start, height), dtype=np.float32)
    for matrix in range(start // width, -(-stop // width)):
        first, end = max(start, matrix * width), min(stop, (matrix + 1) * width)
        block = load.columns(
            0, first - matrix * width, end - matrix * width, matrix * height, (matrix + 1) * height
        )
        out[first - start : end - start] = block.T
    return out


TRANSPOSE = Transform("transpose", _shape, _rows)
