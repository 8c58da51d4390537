"""Ternary values, TQ1_0 and TQ2_0: x ≈ d·t with t of -1, 0, 1.

For a scale d, t is nonzero where |x| > d/2; for given t the best scale is the mean magnitude of the
chosen values. Efforts "fast" and "normal" are one encoder without a search: t from a first scale,
then their mean. Repeating the two steps (Lloyd's algorithm with three levels) gains 0.1 % of the
error on a Gaussian; effort "best" does so, from several scales.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec.layout.bits import F32, SCRATCH, U8, Blocks, reciprocal, to_half
from quantcli.codec.layout.lanes import first_scale, group_count, group_sum, lanes, weighted
from quantcli.codec.search.scale import Search, take_over

# `peaks`: more scales to start from, in multiples of the first; `refinements`: steps from each.
SEARCHES = {
    "normal": Search(peaks=(), refinements=0),
    "best": Search(peaks=(0.7, 1.0, 1.5, 2.2), refinements=2),
}


def encode_ternary(x: F32, weight: F32 | None, search: Search, out: Blocks) -> U8:
    """Store the scale of x, in quads, as `d`; return t + 1 likewise in scratch memory."""
    wx = weighted(x, weight)
    first = first_scale(x, wx)
    codes = _round(x, first)
    scale, best = _solve(codes, wx, weight)
    for start in search.peaks:
        trial = first * np.float32(start)
        for _ in range(search.refinements):
            trial, gain = _solve(_round(x, trial), wx, weight)
        take_over(gain > best, (best, gain), (scale, trial))
    half = to_half(scale)
    out["d"] = half
    return _round(x, half.astype(np.float32)) if search.peaks else codes


def _round(x: F32, scale: F32) -> U8:
    """Codes t + 1 in scratch memory."""
    threshold = scale * np.float32(0.5)
    codes: U8 = SCRATCH.take("bytes", x.shape, np.uint8)
    above = SCRATCH.take("chosen", x.shape, np.bool_)
    np.greater_equal(x, lanes(-threshold), out=codes.view(np.bool_))
    np.greater(x, lanes(threshold), out=above)
    codes += above.view(np.uint8)
    return codes


def _solve(codes: U8, wx: F32, w: F32 | None) -> tuple[F32, F32]:
    """The mean magnitude of the values that are chosen, and what it explains of Σwx²."""
    signs = SCRATCH.take("chosen", codes.shape, np.int8)
    np.subtract(codes, np.uint8(1), out=signs.view(np.uint8))
    term = SCRATCH.take("term", codes.shape)
    total = group_sum(np.multiply(signs, wx, out=term))
    chosen = np.not_equal(codes, np.uint8(1), out=signs.view(np.bool_))
    if w is None:
        weight = group_count(chosen.view(np.uint8))
    else:
        weight = group_sum(np.multiply(chosen, w, out=term))
    scale: F32 = total * reciprocal(weight)
    gain: F32 = scale * total
    return scale, gain
