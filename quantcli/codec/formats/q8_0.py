"""Q8_0: 32 signed bytes and one scale; the scale maps the largest magnitude to 127.

All efforts are one encoder; importance would change nothing.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from quantcli.codec.codec import Codec, Mask, block_layout
from quantcli.codec.layout.bits import (
    F32,
    SCRATCH,
    Blocks,
    decode_scaled,
    fill_field,
    half_round,
    reciprocal,
    to_half,
)
from quantcli.codec.layout.lanes import (
    Index,
    coarse_groups,
    from_quads,
    group_range,
    lanes,
    take_rows,
)
from quantcli.codec.search.scale import Search

I8 = npt.NDArray[np.int8]
I64 = npt.NDArray[np.int64]

LAYOUT = block_layout(("d", "<f2"), ("qs", "i1", (32,)))

LAST = np.float32(127)
MOST = 128  # magnitude of the lowest code
# Low bits of a float32 that are 0 in every product of a scale, 11 bits, and a code, 7 bits.
CLEAR = 6
# Ratios of codes are at least two of this many steps from 0 to 1 apart, and exact but for BLUR.
STEPS, BLUR = 1 << 15, np.float32(2.0**-21)


def encode(x: F32, _weight: F32 | None, _search: Search, out: Blocks) -> None:
    """Round to 255 levels; see `Codec.encode`."""
    low, top = group_range(x)
    peak = np.maximum(top, -low)
    half = to_half(peak / LAST)
    out["d"] = half
    levels = SCRATCH.take("term", x.shape)
    np.multiply(x, lanes(reciprocal(half.astype(np.float32))), out=levels)
    np.rint(levels, out=levels)
    levels.clip(-LAST, LAST, out=levels)
    codes = SCRATCH.take("bytes", x.shape, np.int8)
    np.copyto(codes, levels, casting="unsafe")
    fill_field(out, "qs", from_quads(codes.view(np.uint8)))
    _restore(x, peak, out)


def _restore(x: F32, peak: F32, out: Blocks) -> None:
    """Write the blocks again whose values are those of a decoded block, if they changed.

    The search misses blocks that use neither code of the largest magnitude. In these any value over
    the largest is a ratio of codes, and its denominator divides the code of the largest.
    """
    index = coarse_groups(x, CLEAR)
    index = index[peak[index] > 0]
    for lane in range(4):
        if not len(index):
            return
        index = index[_ratio(np.abs(x[0, lane::4][index]), peak[index])[1]]
    values = take_rows(x, index)
    changed = ~_same(out["qs"][index], out["d"][index].astype(np.float32), values)
    index, values = index[changed], values[changed]
    place, good = _ratio(np.abs(values), peak[index, None])
    unit = np.lcm.reduce(_ratios()[1][place], axis=1)
    last = unit.copy()
    lossy = np.flatnonzero(good.all(axis=1) & (unit > 0) & (unit <= MOST))
    while len(lossy):
        place = index[lossy]
        d = peak[place] / last[lossy].astype(np.float32)
        lossy = lossy[~_rewrite(values[lossy], d, place, out)]
        last += unit
        lossy = lossy[last[lossy] <= MOST]


def _rewrite(values: F32, d: F32, index: Index, out: Blocks) -> Mask:
    """Write the blocks of these indices with scales of magnitude d where, as told, it is exact."""
    zeros = values == 0
    negative = (zeros & np.signbit(values)).any(axis=1)  # a zero has the sign of d
    negative |= (np.max(values, axis=1) > d * LAST) & ~zeros.any(axis=1)  # there is no code 128
    d = np.where(negative, -d, d)
    codes = np.rint(values * reciprocal(d)[:, None]).clip(-MOST, LAST).astype(np.int8)
    fits: Mask = _same(codes, d, values) & (half_round(d) == d)
    out["d"][index[fits]] = d[fits]
    out["qs"][index[fits]] = codes[fits]
    return fits


def _ratio(part: F32, whole: F32) -> tuple[I64, Mask]:
    """Where in `_ratios` part/whole, 0..1, is, and whether it is the ratio of two codes."""
    ratio = part / whole
    place = (ratio * np.float32(STEPS)).astype(np.intp)
    good: Mask = np.abs(ratio - np.take(_ratios()[0], place, mode="clip")) <= BLUR
    return place, good


@cache
def _ratios() -> tuple[F32, I64]:
    """The ratio of codes nearest to each of STEPS places from 0 to 1, and its denominator."""
    codes = np.arange(1, MOST + 1)
    ratios, first = np.unique(codes / codes[:, None], return_index=True)
    ratios = np.append(0, ratios[ratios <= 1])
    denominator = np.append(1, 1 + first // MOST)[: len(ratios)]
    places = (np.arange(STEPS + 1) + 0.5) / STEPS
    nearest = np.searchsorted((ratios[1:] + ratios[:-1]) / 2, places)
    return ratios[nearest].astype(np.float32), denominator[nearest]


def _same(codes: I8, d: F32, values: F32) -> Mask:
    """Mark the blocks (n,) that decode to the bits of the values (n, 32)."""
    decoded = codes * d[:, None]
    same: Mask = (decoded.view(np.uint32) == values.view(np.uint32)).all(axis=1)
    return same


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·q; see `Codec.decode`."""
    decode_scaled(blocks["qs"], blocks["d"].astype(np.float32), out)


CODEC = Codec(
    name="Q8_0", ggml_type=8, block=32, quads=True, layout=LAYOUT, encode=encode, decode=decode
)
