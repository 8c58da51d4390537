"""Packing of 2-bit codes, four to a byte."""

from __future__ import annotations

import numpy as np

from quantcli.codec.layout.bits import U8


def pack_axis(parts: U8) -> U8:
    """Pack 2-bit codes (4, ...) into bytes (...), the first in the lowest bits."""
    packed: U8 = parts[3].copy()
    for part in (2, 1, 0):
        # a multiplication of bytes is vectorised where a shift is not
        packed *= np.uint8(4)
        packed |= parts[part]
    return packed


def pack_quarters(codes: U8) -> U8:
    """Pack 2-bit codes of Q2_K and Q3_K (16, 16, n) into bytes (n, 64).

    Axes are element of a group, group, block. Byte l of a half of the block holds its elements l,
    l + 32, l + 64 and l + 96.
    """
    count = codes.shape[2]
    # element of a group, half, quarter, group of the quarter
    parts = codes.reshape(16, 2, 4, 2, count).transpose(2, 1, 3, 0, 4)
    packed: U8 = pack_axis(np.ascontiguousarray(parts)).reshape(64, count).T
    return packed
