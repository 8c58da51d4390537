"""A vector that the configuration spells out: the arguments themselves, from no tensor."""

from __future__ import annotations

import numpy as np

from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform


def _shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    if shapes:
        raise ValueError("the numbers are arguments, not a tensor")
    if not args:
        raise ValueError("a vector needs at least one number")
    return (len(args),)


def _rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    return np.array([args], dtype=np.float32)[start:stop]


CONSTANTS = Transform("constants", _shape, _rows)
