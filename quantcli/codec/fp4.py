"""Four-bit floats (E2M1) with a shared scale: MXFP4 and NVFP4.

The values 0, ½, 1, 1½, 2, 3, 4, 6 and their negatives are kept doubled, as integers: x ≈ U·v with v
of `VALUES` and U half of the nominal scale. Codes are the index into `VALUES`; code 8, minus zero,
is decoded but never written.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec.bits import F32, SCRATCH, U8, tree_sum

VALUES = np.array([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12], np.float32)

# The midpoints between neighbouring values are multiples of ½, so the nearest value depends on
# twice x/U, cut to an integer, alone. The tables are indexed by that integer as an unsigned byte.
_CUT = np.arange(256).astype(np.uint8).view(np.int8).astype(np.float64)
_MIDDLES = (VALUES[:7] + VALUES[1:8]) / 2
_MAGNITUDE = np.searchsorted(_MIDDLES, np.abs(_CUT) / 2, side="right")
_CODE = np.where((_CUT < 0) & (_MAGNITUDE > 0), _MAGNITUDE + 8, _MAGNITUDE).astype(np.uint8)
_VALUE = VALUES[_CODE]
# Largest x/U that may be looked up; every value beyond 12 is cut to 12 anyway.
REACH = np.float32(60)


class Trial:
    """Codes of x (elements, groups) for one scale a group, and what they explain."""

    def __init__(self, x: F32) -> None:
        """Keep x, which must stay unchanged."""
        self.x = x
        self._twice = SCRATCH.take("twice", x.shape)
        self._value = SCRATCH.take("values", x.shape)
        self._cut = SCRATCH.take("cut", x.shape, np.int8)

    def _place(self, inverse: F32) -> U8:
        """Table indices of the values divided by U, from 1/U; |x|/U at most `REACH`."""
        np.multiply(self.x, inverse + inverse, out=self._twice)
        np.copyto(self._cut, self._twice, casting="unsafe")
        index: U8 = self._cut.view(np.uint8)
        return index

    def gain(self, inverse: F32) -> F32:
        """Sum of x² minus the sum of squared errors, in units of U², from 1/U."""
        index = self._place(inverse)
        np.take(_VALUE, index, out=self._value, mode="clip")
        np.subtract(self._twice, self._value, out=self._twice)
        np.multiply(self._twice, self._value, out=self._twice)
        return tree_sum(self._twice)

    def codes(self, inverse: F32) -> U8:
        """Four-bit codes for 1/U."""
        codes: U8 = SCRATCH.take("bytes", self.x.shape, np.uint8)
        np.take(_CODE, self._place(inverse), out=codes, mode="clip")
        return codes


def peak_magnitude(x: F32) -> F32:
    """Largest magnitude along axis 0."""
    peak: F32 = np.maximum(np.max(x, axis=0), -np.min(x, axis=0))
    return peak
