"""Bit packing, reproducible sums and scratch memory shared by the block formats.

Encoders see a chunk of blocks transposed: elements of a group on axis 0, blocks on the last axis.
A sum over axis 0 is then a fixed tree of element-wise adds, so it has the same value on every CPU
and however many blocks are processed together.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
Blocks = npt.NDArray[np.void]

HALF_MAX = np.float32(65504)
# Below this a group's range counts as zero. Scales are stored as float16, whose smallest value is
# 6e-8, so nothing that could be represented is lost, and no reciprocal overflows.
TINY = np.float32(1e-20)
HUGE = np.float32(1e20)


class Scratch(threading.local):
    """Named buffers that are reused from chunk to chunk, one set per thread.

    A buffer keeps its bytes until the same name is taken again; nothing is cleared.
    """

    def __init__(self) -> None:
        self._pool: dict[str, U8] = {}
        self._last: dict[str, tuple[tuple[int, ...], npt.DTypeLike, npt.NDArray[Any]]] = {}

    def take(
        self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32
    ) -> npt.NDArray[Any]:
        """Return an uninitialised C-contiguous array backed by the buffer called `name`."""
        last = self._last.get(name)
        if last is not None and last[0] == shape and last[1] is dtype:
            return last[2]
        kind = np.dtype(dtype)
        count = kind.itemsize
        for length in shape:
            count *= length
        buffer = self._pool.get(name)
        if buffer is None or buffer.size < count:
            buffer = np.empty(count, np.uint8)
            self._pool[name] = buffer
        array = buffer[:count].view(kind).reshape(shape)
        self._last[name] = shape, dtype, array
        return array


SCRATCH = Scratch()


def tree_sum(x: F32) -> F32:
    """Sum over axis 0 (a power of two long) by halving; `x` is overwritten, row 0 is returned.

    The order of additions depends on the length of axis 0 alone. `np.add.reduce` gives no such
    promise: it may switch to another order when the trailing axes have length one.
    """
    half = x.shape[0] // 2
    while half:
        np.add(x[:half], x[half : 2 * half], out=x[:half])
        half //= 2
    row: F32 = x[0]
    return row


def reciprocal(x: F32) -> F32:
    """1/x, and practically 0 (1e-20) where |x| is below 1e-20. Never infinite."""
    result: F32 = np.float32(1) / (x + (np.abs(x) < TINY) * HUGE)
    return result


def has_nonfinite(x: F32) -> bool:
    """Whether any value of a float32 array is NaN or infinite."""
    if x.size == 0:
        return False
    # The extremes propagate NaN and infinity; both passes run without a temporary.
    return not (np.isfinite(np.max(x)) and np.isfinite(np.min(x)))


def reaches_infinity(codes: npt.NDArray[Any], infinite: int) -> bool:
    """Whether any float is NaN or infinite, all given by their bits as unsigned integers.

    As integers, positive floats are in the order of their values, and negative ones come after
    them; so two maxima answer, without a temporary. `infinite` is what infinity's bits are.
    """
    if codes.size == 0:
        return False
    bits = 8 * codes.dtype.itemsize
    positive = int(np.max(codes.view(f"i{codes.dtype.itemsize}")))
    return positive >= infinite or int(np.max(codes)) >= (1 << (bits - 1)) + infinite


def to_half(x: F32) -> npt.NDArray[np.float16]:
    """Round float32 to float16 (nearest even); what is out of range becomes infinite, silently.

    -0 becomes 0: which zero the maximum of 0 and -0 is depends on the processor.
    """
    with np.errstate(over="ignore", under="ignore"):
        half: npt.NDArray[np.float16] = (x + np.float32(0)).astype(np.float16)
    return half


def half_round(x: F32) -> F32:
    """Round float32 to the nearest float16 value and return it as float32."""
    return to_half(x).astype(np.float32)


def field_bytes(blocks: Blocks, name: str) -> U8:
    """A contiguous copy of the bytes (n, k) of an array field (n, ...) of blocks.

    They are copied block by block, which is several times faster than element by element.
    """
    field = blocks[name]
    whole = field.view(f"V{field.dtype.itemsize * field.shape[1]}")
    packed: U8 = whole.copy().view(np.uint8)
    return packed


def fill_field(blocks: Blocks, name: str, packed: U8) -> None:
    """Copy bytes (n, k) to an array field (n, ...) of blocks; the inverse of `field_bytes`."""
    whole = f"V{packed.shape[1]}"
    blocks[name].view(whole)[:] = packed.view(whole)


def unpack_codes(packed: U8, bits: int) -> U8:
    """Split bytes (n, k) into codes of 1, 2 or 4 bits, (n, 8 / bits · k) in scratch memory.

    The lowest bits of all k bytes come first; k is a multiple of 8.
    """
    count, size = packed.shape
    codes: U8 = SCRATCH.take(f"codes of {bits}", (count, 8 // bits * size), np.uint8)
    words = packed.view(np.uint64)
    mask = np.uint64(0x0101010101010101 * ((1 << bits) - 1))
    whole = f"V{size}"
    parts = codes.view(whole)
    for place in range(8 // bits):
        # what crosses from one byte of a word to the next is masked away
        part = words >> np.uint64(bits * place)
        part &= mask
        parts[:, place : place + 1] = part.view(whole)
    return codes


def decode_scaled(codes: npt.NDArray[Any], scale: F32, out: F32) -> None:
    """Compute x = scale·code for groups of equal length.

    Args:
        codes: integers of one byte, as many as `out` has values, in the same order.
        scale: one per group, in the order of the groups.
        out: contiguous.
    """
    np.copyto(out, codes.reshape(out.shape))
    values = out.reshape(-1)
    np.multiply(values, repeat_scale(scale, values.size), out=values)


def decode_nibbles(values: F32, packed: U8, scale: F32, out: F32) -> None:
    """Compute x = scale·v from nibbles (groups, k), all low ones first, and 16 values v by code."""
    codes = unpack_codes(packed, 4)
    decode_scaled(np.take(values.astype(np.int8), codes, mode="clip"), scale, out)


def repeat_scale(scale: F32, size: int) -> F32:
    """Repeat each value of `scale` for its group of the `size` values there are.

    A product with the repeated scales costs less than a broadcast with short inner loops.
    """
    repeated: F32 = np.repeat(scale.reshape(-1), size // scale.size)
    return repeated


def pack_scales_k4(scales: U8, mins: U8) -> U8:
    """Pack eight 6-bit scales and eight 6-bit mins (8, n) of Q4_K and Q5_K into bytes (n, 12)."""
    packed = np.empty((scales.shape[1], 12), np.uint8)
    packed[:, 0:4] = (scales[:4] | ((scales[4:] >> 4) << 6)).T
    packed[:, 4:8] = (mins[:4] | ((mins[4:] >> 4) << 6)).T
    packed[:, 8:12] = ((scales[4:] & 15) | ((mins[4:] & 15) << 4)).T
    return packed


def unpack_scales_k4(packed: U8) -> tuple[U8, U8]:
    """Inverse of `pack_scales_k4`: bytes (n, 12) to scales (n, 8) and mins (n, 8)."""
    scales = np.empty((packed.shape[0], 8), np.uint8)
    mins = np.empty_like(scales)
    low, middle, high = packed[:, 0:4], packed[:, 4:8], packed[:, 8:12]
    scales[:, :4] = low & 63
    mins[:, :4] = middle & 63
    scales[:, 4:] = (high & 15) | ((low >> 6) << 4)
    mins[:, 4:] = (high >> 4) | ((middle >> 6) << 4)
    return scales, mins


def pack_nibbles(codes: U8) -> U8:
    """Pack 4-bit codes (2k, n) into bytes (n, k): elements j and j + k share byte j."""
    k = codes.shape[0] // 2
    packed: U8 = (codes[:k] | (codes[k:] << np.uint8(4))).T
    return packed


def pack_fifth(codes: U8) -> npt.NDArray[np.uint32]:
    """Collect bit 4 of 32 codes (32, n) into one word per block (n,), element i at bit i."""
    words = np.zeros(codes.shape[1], np.uint32)
    for i, row in enumerate(codes):
        words |= (row >> np.uint8(4)).astype(np.uint32) << np.uint32(i)
    return words


def unpack_fifth(blocks: Blocks) -> U8:
    """Codes (n, 32) of 5 bits in scratch memory, low nibbles in `qs` (n, 16), high bits in `qh`."""
    codes = unpack_codes(field_bytes(blocks, "qs"), 4)
    fifth = unpack_bits(np.ascontiguousarray(blocks["qh"]).view(np.uint8)).reshape(codes.shape)
    fifth *= np.uint8(16)
    codes |= fifth
    return codes


def unpack_bits(packed: U8) -> U8:
    """Bits (8k,) of all bytes of `packed`, from the lowest bit of the first byte on."""
    return np.unpackbits(packed.reshape(-1), bitorder="little")
