"""Four-bit floats (E2M1) with a shared scale: MXFP4 and NVFP4.

The values 0, ½, 1, 1½, 2, 3, 4, 6 and their negatives are kept doubled, as integers: x ≈ U·v with v
of `VALUES` and U half of the nominal scale. Codes are the index into `VALUES`; code 8, minus zero,
is decoded but never written.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec.layout.bits import F32, SCRATCH, U8
from quantcli.codec.layout.lanes import from_quads, group_range, group_sum, lanes

VALUES = np.array([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12], np.float32)

# Largest x/U that may be rounded; every value beyond 12 is cut to 12 anyway.
REACH = np.float32(60)

# The midpoints between neighbouring values are multiples of ½, so the nearest value depends on
# twice x/U, cut to an integer, alone: these are the cuts from which on each magnitude is nearest.
CUTS = np.array([1, 3, 5, 7, 10, 14, 20], np.int8)

EXPONENT = np.int32(0x7F800000)
# In a float32 of 1.5·2^23 times a power of two that power is the last place.
LAST_PLACE = np.float32(1.5 * 2.0**23)


def square_error(x: F32, w: F32 | None, inverse: F32) -> F32:
    """Weighted squared error (groups,) of x, in quads, in units of U², from 1/U."""
    scaled = SCRATCH.take("scaled", x.shape)
    step = SCRATCH.take("step", x.shape)
    value = SCRATCH.take("value", x.shape)
    np.multiply(x, lanes(inverse), out=scaled)
    # values from 2^k on are multiples of 2^(k - 1), but integers
    np.bitwise_and(scaled.view(np.int32), EXPONENT, out=step.view(np.int32))
    step.clip(np.float32(2), np.float32(8), out=step)
    step *= LAST_PLACE * np.float32(0.5)
    np.add(scaled, step, out=value)
    value -= step
    value.clip(np.float32(-12), np.float32(12), out=value)
    scaled -= value
    scaled *= scaled
    if w is not None:
        scaled *= w
    return group_sum(scaled)


def pack_fp4(x: F32, inverse: F32) -> U8:
    """Nibbles (groups, k / 2) of x, in quads, from 1/U; |x|/U at most `REACH`.

    The first half of a group has the low nibbles.
    """
    twice = SCRATCH.take("scaled", x.shape)
    np.multiply(x, lanes(inverse + inverse), out=twice)
    cut = SCRATCH.take("cut", x.shape, np.int8)
    np.copyto(cut, twice, casting="unsafe")
    codes: U8 = SCRATCH.take("bytes", x.shape, np.uint8)
    above = SCRATCH.take("above", x.shape, np.bool_)
    np.less(cut, np.int8(0), out=codes.view(np.bool_))
    codes *= np.uint8(8)
    np.abs(cut, out=cut)
    for least in CUTS:
        np.greater_equal(cut, least, out=above)
        codes += above.view(np.uint8)
    half = len(codes) // 2
    high = codes[half:]
    high *= np.uint8(16)
    high |= codes[:half]
    return from_quads(high)


def peak_magnitude(x: F32) -> F32:
    """Largest magnitude of each group (groups,) of x, in quads."""
    low, top = group_range(x)
    peak: F32 = np.maximum(top, -low)
    return peak
