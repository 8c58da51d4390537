"""Arithmetic on every element by itself."""

from __future__ import annotations

import math

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


def _runs(shape: Shape, args: Args) -> FloatArray:
    """Return the factor of each row of a matrix, of each element of a vector."""
    lengths, factors = [int(n) for n in args[::2]], args[1::2]
    rows = shape[0] if len(shape) == 1 else math.prod(shape[:-1])
    if len(lengths) != len(factors) or min(lengths, default=0) < 0 or sum(lengths) != rows:
        raise ValueError(f"{rows} rows are not runs of {', '.join(map(str, lengths))}")
    return np.repeat(np.array(factors, dtype=np.float32), lengths)


def _runs_shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    (shape,) = shapes
    _runs(shape, args)
    return shape


def _multiply_runs(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    (shape,) = load.shapes
    factors = _runs(shape, args)
    by_row = factors if len(shape) == 1 else factors[start:stop, None]
    products: FloatArray = load.rows(0, start, stop) * by_row
    return products


def _negative_exponential(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    # In float64 and rounded once, so that it does not depend on the CPU's float32 routine.
    with np.errstate(over="ignore"):
        return (-np.exp(load.rows(0, start, stop).astype(np.float64))).astype(np.float32)


ADD = Transform("add", _shape, _add)
"""The argument added: a norm stored as its difference from one."""
MULTIPLY = Transform("multiply", _shape, _multiply)
"""Times the argument."""
MULTIPLY_RUNS = Transform("multiply_runs", _runs_shape, _multiply_runs)
"""Rows of a fused matrix, each run of them times its own factor.

Arguments: number of rows and factor, for each run.
"""
NEGATIVE_EXPONENTIAL = Transform("neg_exp", _shape, _negative_exponential)
"""-exp(x): the decay of a state-space model, stored as its logarithm."""
