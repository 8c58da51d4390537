"""A matrix with its two dimensions exchanged, as for GPT-2's Conv1D weights (inputs, outputs).

Output rows are source columns: a range of them is a gather over all source rows, so it streams.
"""

from __future__ import annotations

import numpy as np

from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform


def _shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    (shape,) = shapes
    if len(shape) != 2:
        raise ValueError(f"only a matrix can be transposed, not a tensor of shape {shape}")
    return (shape[1], shape[0])


def _rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    return np.ascontiguousarray(load.columns(0, start, stop).T)


TRANSPOSE = Transform("transpose", _shape, _rows)
