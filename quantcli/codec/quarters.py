"""Packing of 2-bit codes, four to a byte."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quantcli.codec.bits import F32, U8

I8 = npt.NDArray[np.int8]

_LOW = np.uint64(0x0303030303030303)


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


def unpack_quarters(qs: U8, out: U8) -> None:
    """Split bytes (n, 64) into 2-bit codes (n, 8, 32), in the order of the elements."""
    words = np.ascontiguousarray(qs).view(np.uint64).reshape(-1, 2, 4)
    codes = out.reshape(-1, 2, 4, 32).view(np.uint64)
    for quarter in range(4):
        np.copyto(codes[:, :, quarter], words >> np.uint64(2 * quarter))
    # bits that crossed from one byte of a word to the next are masked away
    np.bitwise_and(codes, _LOW, out=codes)


def decode_groups(codes: I8, scale: F32, out: F32) -> None:
    """Compute scale·code from codes (n, 256) and scales (n, 16) of 16 elements each."""
    # repeating costs less than a broadcast with an inner loop of 16
    np.multiply(codes, np.repeat(scale, 16, axis=1), out=out)
