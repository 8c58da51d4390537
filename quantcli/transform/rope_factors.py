"""Frequency factors of Llama 3's rotary embeddings, computed from the configuration alone.

With theta the base, d the dimension, f_i = theta^(-2i/d) and wavelength w_i = 2 pi / f_i; L the
original context, F the factor, lo and hi the low and high frequency factors: w_i < L/hi gives 1;
w_i > L/lo gives F; between, with s = (L/w_i - lo) / (hi - lo), 1 / ((1 - s)/F + s).
(Llama 3.1's published scaling rule.)

llama.cpp's converter computes this in float32, so every step here is rounded to float32 to give the
same bits. Only the power is taken in float64: the rounding of a float32 power differs between
libraries, that of the float64 one is all but lost in the step to float32. The converter's library
errs by one unit in the last place at times: for base 500000 and heads of 64 and 128, which the
released Llama 3 models have, all bits are equal; other combinations may differ by about 1e-6.
"""

from __future__ import annotations

import math

import numpy as np

from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform


def _shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    if shapes:
        raise ValueError("the factors are computed from arguments, not from a tensor")
    dimension, theta, factor, low, high, context = (float(arg) for arg in args)
    if dimension < 2 or dimension % 2:
        raise ValueError(f"rotary embeddings need an even dimension, not {dimension:g}")
    if not (theta >= 1 and factor > 0 and 0 < low < high and context > 0):
        raise ValueError(
            f"theta {theta:g}, factor {factor:g}, low and high frequency factors {low:g} and "
            f"{high:g} with original context {context:g} make no Llama 3 scaling"
        )
    return (int(dimension) // 2,)


def _rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    dimension, theta, factor, low, high, context = (float(arg) for arg in args)
    exponents = np.arange(0, dimension, 2, dtype=np.float32) / np.float32(dimension)
    powers = np.array([math.pow(theta, float(e)) for e in exponents], dtype=np.float32)
    wavelengths = np.float32(2 * math.pi) / (np.float32(1) / powers)
    smooth = (np.float32(context) / wavelengths - np.float32(low)) / np.float32(high - low)
    between = np.float32(1) / ((np.float32(1) - smooth) / np.float32(factor) + smooth)
    # The thresholds are compared exactly: float32 against float64.
    exact = wavelengths.astype(np.float64)
    between[exact < context / high] = 1.0
    between[exact > context / low] = factor
    factors: FloatArray = between.reshape(1, -1)
    return factors[start:stop]


ROPE_FACTORS_LLAMA3 = Transform("rope_factors_llama3", _shape, _rows)
