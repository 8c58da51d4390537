"""NVFP4: four groups of 16 four-bit floats (E2M1), each with an unsigned FP8 (E4M3) scale.

x = U·v, U half of the scale. The scale's byte ascends with its value: 0 is zero, 1 is 2^-9, 0x7E is
448; 0x7F stands for NaN and is decoded to zero. So the largest value is 2688, and values below
0.0005 vanish: tensors whose values are small need the extra factor per tensor that checkpoints made
for this type carry beside it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quantcli.codec.codec import Codec, Mask, block_layout
from quantcli.codec.layout.bits import (
    F32,
    U8,
    Blocks,
    decode_nibbles,
    field_bytes,
    fill_field,
    reciprocal,
)
from quantcli.codec.layout.lanes import coarse_groups, take_rows
from quantcli.codec.search.fp4 import REACH, VALUES, pack_fp4, peak_magnitude, square_error
from quantcli.codec.search.scale import Search

LAYOUT = block_layout(("d", "u1", (4,)), ("qs", "u1", (32,)))

# Low bits of a float32 that are 0 in every product of a scale, 4 bits, and a value, 2 bits.
CLEAR = 18
NAN = 0x7F
LAST = 0x7E

# `peaks`: magnitudes the largest one of a group is mapped to, 6 being the largest code's; without
# any it is mapped to 6, as by the reference.
# `steps`: then tried, in steps of the scale's byte from where the largest magnitude is mapped to 6.
SEARCHES = {
    "fast": Search(peaks=(), steps=()),
    "normal": Search(peaks=(6.0, 4.0), steps=((-1, 0),)),
    "best": Search(peaks=(6.0,), steps=tuple((step, 0) for step in (-1, 1, 2, 3, 4, 5, 6, -2, 7))),
}


def _half_scales() -> F32:
    """U of every byte; the sign bit is ignored as llama.cpp does, save for zero and NaN."""
    byte = np.arange(256)
    exponent, mantissa = (byte >> 3) & 15, byte & 7
    raw = np.where(exponent == 0, mantissa * 2.0**-9, (1 + mantissa / 8) * 2.0 ** (exponent - 7.0))
    raw[[0, NAN]] = 0
    return (raw / 2).astype(np.float32)


HALF_SCALE = _half_scales()
_OVERFLOW = np.float32(464 * 6)  # 448 is no longer the scale nearest to a sixth of it


def _nearest_byte(scale: F32) -> U8:
    """The byte of the nearest scale but zero, halves upwards."""
    # three bits of mantissa, and an exponent that starts at 120 in a float32
    normal = ((scale.view(np.int32) + (1 << 19)) >> 20) - (120 << 3)
    small = (np.minimum(scale, np.float32(1)) * np.float32(512) + np.float32(0.5)).astype(np.int32)
    byte = np.where(scale < np.float32(2.0**-6), small, normal)
    return byte.clip(1, LAST).astype(np.uint8)


class _Choice:
    """The best scale byte found so far for each group."""

    def __init__(self, x: F32, w: F32 | None, peak: F32) -> None:
        self.x, self.w = x, w
        self.limit = reciprocal(peak) * REACH
        self.byte = np.ones(len(peak), np.uint8)
        self.best = np.full(len(peak), np.inf, np.float32)

    def inverse(self, scale: F32) -> F32:
        """1/U, limited for groups that are far too large for the scale."""
        limited: F32 = np.minimum(reciprocal(scale), self.limit)
        return limited

    def attempt(self, byte: U8) -> None:
        """Take the byte over where its error is less."""
        scale = HALF_SCALE[byte]
        error = square_error(self.x, self.w, self.inverse(scale)) * (scale * scale)
        better = error < self.best
        np.copyto(self.best, error, where=better)
        np.copyto(self.byte, byte, where=better)


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Choose the scales, round; see `Codec.encode`."""
    peak = peak_magnitude(x)
    choice = _Choice(x, weight, peak)
    first = _nearest_byte(peak * np.float32(1 / 6))
    if not search.peaks:
        choice.byte = first
    for target in search.peaks:
        choice.attempt(_nearest_byte(peak * np.float32(1 / target)))
    for step, _ in search.steps:
        moved: npt.NDArray[np.int16] = first.astype(np.int16) + np.int16(step)
        choice.attempt(moved.clip(1, LAST).astype(np.uint8))
    _restore(x, peak, choice.byte)
    qs = pack_fp4(x, choice.inverse(HALF_SCALE[choice.byte]))
    choice.byte[peak > _OVERFLOW] = NAN
    out["d"] = choice.byte.reshape(-1, 4)
    fill_field(out, "qs", qs.reshape(-1, 32))


def _restore(x: F32, peak: F32, byte: U8) -> None:
    """Correct the scales of the groups whose values are those of a decoded group.

    The search misses some whose largest code is not used, where scales are small and few.
    """
    index = coarse_groups(x, CLEAR)
    index = index[peak[index] > 0]
    if len(index):
        bits = np.bitwise_or.reduce(take_rows(x, index).view(np.uint32), axis=1)
        index = index[bits & np.uint32((1 << CLEAR) - 1) == 0]
    values = np.abs(take_rows(x, index))
    for magnitude in VALUES[7:0:-1]:
        if not len(index):
            break
        scale = peak[index] / magnitude
        trial = _nearest_byte(scale + scale)
        fits = np.isin(values / scale[:, None], VALUES).all(axis=1) & (HALF_SCALE[trial] == scale)
        byte[index[fits]] = trial[fits]
        index, values = index[~fits], values[~fits]


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = U·v; see `Codec.decode`."""
    qs = field_bytes(blocks, "qs").reshape(-1, 8)
    decode_nibbles(VALUES, qs, HALF_SCALE[blocks["d"]], out)


def broken(blocks: Blocks) -> Mask:
    """Mark scales that stand for NaN."""
    mask: Mask = ((blocks["d"] & NAN) == NAN).any(axis=1)
    return mask


CODEC = Codec(
    name="NVFP4",
    ggml_type=40,
    block=64,
    layout=LAYOUT,
    group=16,
    encode=encode,
    decode=decode,
    quads=True,
    weighted=True,
    searches=SEARCHES,
    scales=(),
    broken=broken,
)
