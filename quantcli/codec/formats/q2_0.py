"""Q2_0: 64 codes of 2 bits and one scale, x = d·(q - 1), q of 0..3.

The codes reach from -d to 2d; with a negative scale the longer side is the negative one. Effort
"normal" rounds once to the levels -2..2 and solves for the scale without the lowest of them and
without the highest; "fast" takes the scale from the largest magnitude. The C reference's encoder
maps the largest magnitude to d and never uses the code 3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import (
    F32,
    SCRATCH,
    U8,
    Blocks,
    decode_scaled,
    field_bytes,
    fill_field,
    reciprocal,
    to_half,
)
from quantcli.codec.layout.block_parts import Exact, Parts
from quantcli.codec.layout.lanes import (
    first_scale,
    from_quads,
    group_count,
    group_range,
    group_sum,
    lanes,
    weighted,
)
from quantcli.codec.search.scale import Search, take_over

I8 = npt.NDArray[np.int8]

LAYOUT = block_layout(("d", "<f2"), ("qs", "u1", (16,)))

# `peaks`: more scales to start from, in multiples of the first; `refinements`: 0 for no search.
SEARCHES = {
    "fast": Search(refinements=0),
    "normal": Search(),
    "best": Search(peaks=(0.6, 0.73, 0.87, 1.07, 1.35)),
}

# Of the first scale: near the best for a Gaussian and for heavier tails.
START = np.float32(0.8)
# Effort "fast": the largest magnitude over the scale, in blocks of both signs and of one.
BOTH, ONE = np.float32(2.6), np.float32(2)


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Search the scale, round; see `Codec.encode`."""
    if search.refinements:
        scale, codes = _search(x, weight, search)
    else:
        low, top = group_range(x)
        scale = np.where(top >= -low, top, low) / np.where((low < 0) & (top > 0), BOTH, ONE)
        codes = None
    half = to_half(scale)
    out["d"] = half
    if codes is None:
        levels = _round(x, half.astype(np.float32), -1)
        levels += np.int8(1)
        codes = levels.view(np.uint8)
    fill_field(out, "qs", _pack(from_quads(codes)))


def _search(x: F32, w: F32 | None, search: Search) -> tuple[F32, U8 | None]:
    """Scale of each group, of either sign, and the codes that it was solved for if it was once."""
    wx = weighted(x, w)
    first = first_scale(x, wx)
    levels = _round(x, first * START, -2)
    scale, best = _solve(levels, wx, w)
    if not search.peaks:
        return scale, _codes(levels, scale)
    for start in search.peaks:
        trial, gain = _solve(_round(x, first * np.float32(start), -2), wx, w)
        take_over(gain > best, (best, gain), (scale, trial))
    return scale, None


def _round(x: F32, scale: F32, lowest: int) -> I8:
    """Integers x/scale, from `lowest` to 2, in scratch memory."""
    rounded = SCRATCH.take("term", x.shape)
    np.multiply(x, lanes(reciprocal(scale)), out=rounded)
    rounded.clip(np.float32(lowest), np.float32(2), out=rounded)
    np.rint(rounded, out=rounded)
    levels = SCRATCH.take("levels", x.shape, np.int8)
    np.copyto(levels, rounded, casting="unsafe")
    return levels


def _solve(levels: I8, wx: F32, w: F32 | None) -> tuple[F32, F32]:
    """The best scale for the levels without one end, and what it explains of Σwx².

    It is negative where the highest level is better cut off than the lowest.
    """
    term = SCRATCH.take("term", levels.shape)
    cut = SCRATCH.take("cut", levels.shape, np.int8)
    scales, gains = [], []
    for end in (np.int8(-2), np.int8(2)):
        np.equal(levels, end, out=cut.view(np.bool_))
        if end > 0:
            np.negative(cut, out=cut)
        cut += levels
        product = group_sum(np.multiply(cut, wx, out=term))
        cut *= cut
        if w is None:
            square = group_count(cut.view(np.uint8))
        else:
            square = group_sum(np.multiply(cut, w, out=term))
        scale = product * reciprocal(square)
        scales.append(scale)
        gains.append(scale * product)
    take_over(gains[1] > gains[0], (gains[0], gains[1]), (scales[0], -scales[1]))
    return scales[0], gains[0]


def _codes(levels: I8, scale: F32) -> U8:
    """Codes of the levels, which are overwritten, for a scale of either sign."""
    flip = np.repeat(-(scale < 0).astype(np.int8), 4)
    levels ^= flip
    levels -= flip  # the negative where the scale is
    lowest = SCRATCH.take("cut", levels.shape, np.int8)
    np.equal(levels, np.int8(-2), out=lowest.view(np.bool_))
    levels += lowest
    levels += np.int8(1)
    return levels.view(np.uint8)


def _pack(codes: U8) -> U8:
    """Codes (n, 64), which are overwritten, to bytes (n, 16), the first in the lowest bits."""
    words = codes.view(np.uint32)
    words *= np.uint32(0x01041040)  # collects a word's four codes in its highest byte
    words >>= np.uint32(24)
    return words.astype(np.uint8)


def pack(parts: Parts, out: Blocks) -> None:
    """Store codes and scales."""
    out["d"] = to_half(parts.d)
    fill_field(out, "qs", _pack(np.ascontiguousarray(parts.codes[:, 0].T)))


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(q - 1); see `Codec.decode`."""
    # a byte's four codes are moved to the four bytes of a word, two of them at a time
    words = field_bytes(blocks, "qs").astype("<u4")
    for distance, mask in ((12, 0x000F000F), (6, 0x03030303)):
        words |= words << np.uint32(distance)
        words &= np.uint32(mask)
    codes = words.view(np.uint8)
    codes -= np.uint8(1)
    decode_scaled(codes.view(np.int8), blocks["d"].astype(np.float32), out)


CODEC = Codec(
    name="Q2_0",
    ggml_type=42,
    block=64,
    layout=LAYOUT,
    group=64,
    quads=True,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    weighted=True,
    exact=Exact((-1, 0, 1, 2), pack),
)
