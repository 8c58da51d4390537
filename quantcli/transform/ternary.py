"""Every number as -s, 0 or s, s being the mean size of all: the weights of BitNet b1.58.

A training checkpoint stores what is rounded so in every pass (1bitLLM's utils_quant.weight_quant).
"""

from __future__ import annotations

import math

import numpy as np

from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform

# Smaller means count as this one.
_SMALLEST = 1e-5
# Elements that are summed at a time.
_AT_ONCE = 2**22


def _shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    (shape,) = shapes
    return shape


def _mean(load: Load) -> np.float32:
    """Return the mean size of all numbers, rounded once: it does not depend on the rows asked."""
    (shape,) = load.shapes
    rows, columns = math.prod(shape[:-1]), shape[-1]
    step = max(1, _AT_ONCE // max(1, columns))
    total = 0.0
    for start in range(0, rows, step):
        part = load.rows(0, start, min(rows, start + step))
        total += float(np.abs(part).sum(dtype=np.float64))
    mean: np.float32 = np.float32(max(total / max(1, rows * columns), _SMALLEST))
    return mean


def _rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    # Divided twice, as the original does.
    inverse = np.float32(1) / _mean(load)
    signs = np.clip(np.rint(load.rows(0, start, stop) * inverse), -1, 1)
    scaled: FloatArray = (signs / inverse).astype(np.float32)
    return scaled


TERNARY = Transform("ternary", _shape, _rows)
"""Rounded to three values; needs the whole tensor for any of its rows."""
