"""NVFP4: four groups of 16 four-bit floats (E2M1), each with an unsigned FP8 (E4M3) scale.

x = U·v, U half of the scale. The scale's byte ascends with its value: 0 is zero, 1 is 2^-9, 0x7E is
448; 0x7F stands for NaN and is decoded to zero. So the largest value is 2688, and values below
0.0005 vanish: tensors whose values are small need the extra factor per tensor that checkpoints made
for this type carry beside it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quantcli.codec.bits import F32, U8, Blocks, decode_nibbles, field_bytes, pack_nibbles
from quantcli.codec.codec import Codec, Mask, block_layout
from quantcli.codec.fp4 import REACH, VALUES, Trial, peak_magnitude
from quantcli.codec.search import Search, reciprocal

LAYOUT = block_layout(("d", "u1", (4,)), ("qs", "u1", (32,)))

NAN = 0x7F
LAST = 0x7E

# `peaks`: magnitudes the largest one of a group is mapped to, 6 being the largest code's.
# `steps`: then tried, in steps of the scale's byte from the first of the peaks.
SEARCHES = {
    "fast": Search(peaks=(6.0,), steps=()),
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

    def __init__(self, trial: Trial, peak: F32) -> None:
        self.trial = trial
        self.limit = reciprocal(peak) * REACH
        self.byte = np.zeros(len(peak), np.uint8)
        self.best = np.zeros(len(peak), np.float32)

    def inverse(self, scale: F32) -> F32:
        """1/U, limited for groups that are far too large for the scale."""
        limited: F32 = np.minimum(reciprocal(scale), self.limit)
        return limited

    def attempt(self, byte: U8) -> None:
        """Take the byte over where it explains more."""
        scale = HALF_SCALE[byte]
        gain = self.trial.gain(self.inverse(scale)) * (scale * scale)
        better = gain > self.best
        np.copyto(self.best, gain, where=better)
        np.copyto(self.byte, byte, where=better)


def encode(x: F32, _weight: F32 | None, search: Search, out: Blocks) -> None:
    """Choose the scales, round; see `Codec.encode`."""
    values = x.reshape(16, -1)
    trial = Trial(values)
    peak = peak_magnitude(values)
    first = _nearest_byte(peak * np.float32(1 / 6))
    choice = _Choice(trial, peak)
    for target in search.peaks:
        choice.attempt(_nearest_byte(peak * np.float32(1 / target)))
    for step, _ in search.steps:
        moved: npt.NDArray[np.int16] = first.astype(np.int16) + np.int16(step)
        choice.attempt(moved.clip(1, LAST).astype(np.uint8))
    codes = trial.codes(choice.inverse(HALF_SCALE[choice.byte]))
    choice.byte[peak > _OVERFLOW] = NAN
    out["d"] = choice.byte.reshape(4, -1).T
    out["qs"].reshape(-1, 4, 8)[:] = pack_nibbles(codes).reshape(4, -1, 8).transpose(1, 0, 2)


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
    searches=SEARCHES,
    scales=(),
    broken=broken,
)
