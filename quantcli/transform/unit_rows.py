"""Each row divided by its length: a classifier whose classes are directions."""

from __future__ import annotations

import numpy as np

from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform

# Shorter rows are divided by this instead, as torch.nn.functional.normalize does.
_SHORTEST = 1e-12


def _shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    (shape,) = shapes
    if len(shape) < 2:
        raise ValueError("only the rows of a matrix have a length")
    return shape


def _rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    rows = load.rows(0, start, stop)
    # In float64 and rounded once, so that it does not depend on the order of a CPU's sums.
    lengths = np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    units: FloatArray = (rows / np.maximum(lengths, _SHORTEST)).astype(np.float32)
    return units


UNIT_ROWS = Transform("unit_rows", _shape, _rows)
"""Rows of length 1, which keep their direction."""
