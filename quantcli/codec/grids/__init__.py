"""Point sets of the lattice formats, loaded when first used, and the words that decoders look up.

A word holds one vector as bytes: eight int8 values in a uint64, or four in a uint32. Applying signs
to a vector is then two integer operations on a word.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from quantcli.codec.layout.bits import F32, U8, decode_scaled

Words = npt.NDArray[Any]  # uint32 or uint64, by the dimension of the points


@cache
def points(name: str) -> npt.NDArray[np.int8]:
    """The points of a format by its lower-case name, int8 (points, dimension), read-only."""
    table: npt.NDArray[np.int8] = np.load(Path(__file__).parent / f"{name}.npy")
    table.flags.writeable = False
    return table


def _words(vectors: npt.NDArray[np.int8]) -> Words:
    """int8 (n, 4 or 8) as words (n,)."""
    kind = np.uint64 if vectors.shape[1] == 8 else np.uint32
    return np.ascontiguousarray(vectors).view(kind)[:, 0]


@cache
def words(name: str) -> Words:
    """The points of a format as words (points,)."""
    return _words(points(name))


@cache
def shifted_words(name: str) -> Words:
    """Eight times the points plus one, then eight times the points minus one, as words."""
    eightfold = points(name) * np.int8(8)
    return _words(np.concatenate([eightfold + np.int8(1), eightfold - np.int8(1)]))


@cache
def even_signs() -> npt.NDArray[np.uint8]:
    """Sign masks (128,) of the 7-bit sign codes: bit 7 makes the number of negatives even."""
    codes = np.arange(128, dtype=np.uint8)
    parity = np.unpackbits(codes[:, None], axis=1).sum(axis=1, dtype=np.uint8) & np.uint8(1)
    codes |= parity << np.uint8(7)
    return codes


@cache
def sign_words() -> Words:
    """For each 8-bit sign mask a uint64 with byte 255 where the bit is set, else 0."""
    masks = np.arange(256, dtype=np.uint8)
    return _words(-np.unpackbits(masks[:, None], axis=1, bitorder="little").view(np.int8))


def apply_signs(vectors: Words, signs: Words) -> None:
    """Negate bytes of uint64 `vectors` where `signs` has byte 255, in place; bytes must be > 0.

    The two's complement of a positive byte never carries into the next one.
    """
    np.bitwise_xor(vectors, signs, out=vectors)
    np.add(vectors, signs & np.uint64(0x0101010101010101), out=vectors)


@cache
def even_sign_words() -> Words:
    """`sign_words` by 7-bit sign code (128,)."""
    table: Words = sign_words()[even_signs()]
    return table


def pack_even_signs(masks: U8, scales: U8) -> npt.NDArray[np.uint32]:
    """Words (n, k) of four 7-bit sign codes and a 4-bit scale: masks (n, k, 4), scales (n, k)."""
    packed: npt.NDArray[np.uint32] = scales.astype(np.uint32) << np.uint32(28)
    for place in range(4):
        codes = masks[:, :, place] & np.uint8(127)
        packed |= codes.astype(np.uint32) << np.uint32(7 * place)
    return packed


def unpack_even_signs(packed: npt.NDArray[np.uint32]) -> tuple[Words, U8]:
    """From words (n, k) the sign words (n, 4k) of their vectors, and the scales (n, k)."""
    codes = (packed[:, :, None] >> np.arange(0, 28, 7, dtype=np.uint32)) & np.uint32(127)
    signs: Words = even_sign_words()[codes.reshape(len(packed), -1)]
    return signs, (packed >> np.uint32(28)).astype(np.uint8)


def pack_scales(scales: U8) -> U8:
    """Pairs of 4-bit scales (n, 2k) as bytes (n, k), the first in the low nibble."""
    packed: U8 = scales[:, 0::2] | (scales[:, 1::2] * np.uint8(16))
    return packed


def unpack_scales(packed: U8) -> U8:
    """Inverse of `pack_scales`."""
    scales = np.empty((*packed.shape, 2), np.uint8)
    np.bitwise_and(packed, np.uint8(15), out=scales[:, :, 0])
    np.right_shift(packed, np.uint8(4), out=scales[:, :, 1])
    return scales.reshape(len(packed), -1)


def decode(vectors: Words, d: npt.NDArray[np.float16], scales: U8, unit: float, out: F32) -> None:
    """Compute x = d·(2·scale + 1)·unit·vector.

    Args:
        vectors: words that cover `out`.
        d: (n,).
        scales: integers (n, groups).
        unit: a power of two.
        out: (n, block).
    """
    scale = d.astype(np.float32)[:, None] * (scales + np.float32(0.5)) * np.float32(2 * unit)
    decode_scaled(vectors.view(np.int8), scale, out)
