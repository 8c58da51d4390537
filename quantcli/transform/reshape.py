"""The same elements in the same order under other dimensions.

Arguments: the dimensions, outermost first; one of them may be -1 and is then computed.
"""

from __future__ import annotations

import math

import numpy as np

from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform


def _shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    (shape,), wanted = shapes, [int(arg) for arg in args]
    count = math.prod(shape)
    if wanted.count(-1) == 1:
        rest = math.prod(n for n in wanted if n != -1)
        if rest and count % rest == 0:
            wanted[wanted.index(-1)] = count // rest
    if not wanted or min(wanted) < 0 or math.prod(wanted) != count:
        raise ValueError(f"a tensor of shape {shape} cannot be seen as {tuple(wanted)}")
    return tuple(wanted)


def _rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    (shape,) = load.shapes
    wide, columns = (shape[-1] if shape else 1), _shape(load.shapes, args)[-1]
    first, end = start * columns, stop * columns
    if not wide:
        return load.rows(0, 0, 0).reshape(stop - start, columns)
    low = first // wide
    elements = load.rows(0, low, -(-end // wide)).reshape(-1)
    cut = elements[first - low * wide : end - low * wide].reshape(stop - start, columns)
    return np.ascontiguousarray(cut)


RESHAPE = Transform("reshape", _shape, _rows)
