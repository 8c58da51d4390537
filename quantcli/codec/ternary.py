"""The scale of ternary values: x ≈ d·t with t of -1, 0, 1.

For a scale d, t is nonzero where |x| > d/2; for given t the best scale is the mean magnitude of the
chosen values. Alternating the two lowers the error until nothing changes (Lloyd's algorithm with
three levels). Values that are ternary already are found in the first step, and kept exactly.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec.bits import F32, SCRATCH, U8, Blocks, half_round, to_half, tree_sum
from quantcli.codec.search import Search, reciprocal, take_over

SEARCHES = {
    "fast": Search(peaks=(1.5,), refinements=0),
    "normal": Search(peaks=(1.5,), refinements=1),
    "best": Search(peaks=(0.8, 1.5, 2.5, 5.0), refinements=3),
}


def encode_ternary(x: F32, weight: F32 | None, search: Search, out: Blocks) -> U8:
    """Store the scale of x (block, 1, n) as `d`; return t + 1 as (block, n) in scratch memory."""
    values = x[:, 0]
    scale = half_round(ternary_scale(values, None if weight is None else weight[:, 0], search))
    out["d"] = to_half(scale)
    threshold = scale * np.float32(0.5)
    codes: U8 = SCRATCH.take("bytes", values.shape, np.uint8)
    above = SCRATCH.take("above", values.shape, np.bool_)
    np.greater_equal(values, -threshold, out=codes.view(np.bool_))
    np.greater(values, threshold, out=above)
    np.add(codes, above.view(np.uint8), out=codes)
    return codes


def ternary_scale(x: F32, w: F32 | None, search: Search) -> F32:
    """Scale d >= 0 of each column of x (elements, groups) with weights w or None.

    `search.peaks` are the scales to start from, in multiples of the mean magnitude;
    `search.refinements` steps follow each of them.
    """
    magnitude = SCRATCH.take("unit", x.shape)
    np.abs(x, out=magnitude)
    mean = _mean_magnitude(magnitude, w)
    best = np.full(mean.shape, -1, np.float32)
    scale = np.zeros(mean.shape, np.float32)
    for start in search.peaks:
        trial = mean * np.float32(start)
        for _ in range(search.refinements + 1):
            chosen = _Chosen(magnitude, w, trial * np.float32(0.5))
            trial = chosen.mean()
        take_over(chosen.gain > best, (best, chosen.gain), (scale, trial))
    return scale


def _mean_magnitude(magnitude: F32, w: F32 | None) -> F32:
    """Weighted mean along axis 0."""
    product = SCRATCH.take("product", magnitude.shape)
    if w is None:
        half = len(magnitude) // 2
        np.add(magnitude[:half], magnitude[half:], out=product[:half])
        even: F32 = tree_sum(product[:half]) * np.float32(1 / len(magnitude))
        return even
    np.multiply(magnitude, w, out=product)
    total = tree_sum(product).copy()
    np.copyto(product, w)
    mean: F32 = total * reciprocal(tree_sum(product))
    return mean


class _Chosen:
    """Sums over the magnitudes above a threshold."""

    def __init__(self, magnitude: F32, w: F32 | None, threshold: F32) -> None:
        taken = SCRATCH.take("taken", magnitude.shape)
        np.greater(magnitude, threshold, out=taken)
        if w is not None:
            np.multiply(taken, w, out=taken)
        product = SCRATCH.take("product", magnitude.shape)
        np.multiply(taken, magnitude, out=product)
        self._sum = tree_sum(product).copy()
        self._weight = tree_sum(taken).copy()

    def mean(self) -> F32:
        """Weighted mean of the magnitudes chosen."""
        mean: F32 = self._sum * reciprocal(self._weight)
        return mean

    @property
    def gain(self) -> F32:
        """What the mean as scale explains of Σwx²."""
        gain: F32 = self._sum * self._sum * reciprocal(self._weight)
        return gain
