"""Arithmetic on every element by itself."""

from __future__ import annotations

import numpy as np

from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform


def _shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    (shape,) = shapes
    return shape


def _add(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    sums: FloatArray = load.rows(0, start, stop) + np.float32(args[0])
    return sums


def _multiply(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    products: FloatArray = load.rows(0, start, stop) * np.float32(args[0])
    return products


def _negative_exponential(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    # In float64 and rounded once, so that it does not depend on the CPU's float32 routine.
    with np.errstate(over="ignore"):
        return (-np.exp(load.rows(0, start, stop).astype(np.float64))).astype(np.float32)


ADD = Transform("add", _shape, _add)
"""The argument added: a norm stored as its difference from one."""
MULTIPLY = Transform("multiply", _shape, _multiply)
"""Times the argument."""
NEGATIVE_EXPONENTIAL = Transform("neg_exp", _shape, _negative_exponential)
"""-exp(x): the decay of a state-space model, stored as its logarithm."""
