"""Scale searches shared by the block formats.

All functions work on transposed groups: values x (elements of a group, groups) float32, weights w
of the same shape or None for uniform; results are per group (groups,). The error of a candidate is
never computed by a second pass over the group: with integer codes l and x ≈ s·l + m it follows from
the sums Σw, Σwl, Σwl², Σwlx, Σwx. Values are first scaled so that the group's range is the code
range; a candidate is then one constant for all groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quantcli.codec.bits import F32, SCRATCH, tree_sum

# Below this a group's range counts as zero. Scales are stored as float16, whose smallest value is
# 6e-8, so nothing that could be represented is lost, and no reciprocal overflows.
TINY = np.float32(1e-20)


@dataclass(frozen=True, slots=True)
class Search:
    """How hard an encoder looks for the best scales.

    Attributes:
        peaks: symmetric formats: values the element of largest magnitude is mapped to.
        cuts: formats with a minimum: how far the range is cut at its low and at its high end, in
            code steps.
        refinements: rounds of "round to codes, solve for the scale" after the best candidate.
        rounds: joint rounds of super-block scales, integer group scales and codes.
    """

    peaks: tuple[float, ...] = ()
    cuts: tuple[tuple[float, float], ...] = ()
    refinements: int = 1
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over a group for codes l: Σwl, Σwl², Σwlx (each (groups,))."""

    l: F32  # noqa: E741 - the code's usual letter
    ll: F32
    lx: F32


def reciprocal(x: F32) -> F32:
    """1/x, and 0 where |x| is below TINY."""
    small = np.abs(x) < TINY
    result: F32 = np.float32(1) / np.where(small, np.float32(1), x)
    result[small] = 0
    return result


def signed_peak(x: F32) -> F32:
    """The element of largest magnitude of each group, with its sign."""
    top = np.max(x, axis=0)
    bottom = np.min(x, axis=0)
    peak: F32 = np.where(top >= -bottom, top, bottom)
    return peak


def round_codes(x: F32, factor: F32 | np.float32, low: int, high: int, out: F32) -> F32:
    """Codes round(x·factor) limited to low..high, as float32 in `out`."""
    np.multiply(x, factor, out=out)
    np.rint(out, out=out)
    out.clip(np.float32(low), np.float32(high), out=out)
    return out


def weighted_sum(a: F32, b: F32) -> F32:
    """Σ a·b over each group."""
    product = SCRATCH.take("product", a.shape)
    np.multiply(a, b, out=product)
    result: F32 = tree_sum(product).copy()
    return result


def total(a: F32) -> F32:
    """Σ a over each group; `a` is kept."""
    product = SCRATCH.take("product", a.shape)
    half = a.shape[0] // 2
    np.add(a[:half], a[half:], out=product[:half])
    result: F32 = tree_sum(product[:half]).copy()
    return result


def scale_moments(x: F32, w: F32 | None, codes: F32) -> tuple[F32, F32]:
    """Σwlx and Σwl² of each group."""
    if w is None:
        return weighted_sum(codes, x), weighted_sum(codes, codes)
    heavy = SCRATCH.take("heavy", x.shape)
    np.multiply(w, codes, out=heavy)
    return weighted_sum(heavy, x), weighted_sum(heavy, codes)


def symmetric_scale(x: F32, w: F32 | None, low: int, high: int, search: Search) -> F32:
    """Scale s that minimises Σw(x - s·l)², l = round(x/s) limited to low..high.

    Each candidate maps the element of largest magnitude to one value; least squares then gives the
    scale for the codes found. The best candidate's codes are refined by rounding with the solved
    scale and solving again.
    """
    peak = signed_peak(x)
    inverse = reciprocal(peak)
    unit = SCRATCH.take("unit", x.shape)
    codes = SCRATCH.take("codes", x.shape)
    np.multiply(x, inverse, out=unit)
    best = np.full(x.shape[1], -1, np.float32)
    scale = np.zeros(x.shape[1], np.float32)
    for position in search.peaks:
        round_codes(unit, np.float32(position), low, high, codes)
        _keep_better(unit, w, codes, best, scale)
    for _ in range(search.refinements):
        round_codes(unit, reciprocal(scale), low, high, codes)
        _keep_better(unit, w, codes, best, scale)
    np.multiply(scale, peak, out=scale)
    return scale


def _keep_better(x: F32, w: F32 | None, codes: F32, best: F32, scale: F32) -> None:
    """Solve for the scale of `codes`; where it explains more than `best`, take it over."""
    lx, ll = scale_moments(x, w, codes)
    solved = lx / np.maximum(ll, TINY)
    gain = solved * lx
    better = gain > best
    np.copyto(best, gain, where=better)
    np.copyto(scale, solved, where=better)


def range_scale(
    x: F32, w: F32 | None, high: int, search: Search, *, free_min: bool
) -> tuple[F32, F32]:
    """Scale s and offset m that minimise Σw(x - s·l - m)², codes l = 0..high.

    Unless `free_min`, m ≤ 0. Candidates cut the range at both ends; weighted least squares solves
    for s and m of the codes found.
    """
    bottom = np.min(x, axis=0)
    if not free_min:
        np.minimum(bottom, np.float32(0), out=bottom)
    spread = np.max(x, axis=0) - bottom
    inverse = reciprocal(spread) * np.float32(high)
    y = SCRATCH.take("unit", x.shape)
    np.subtract(x, bottom, out=y)
    np.multiply(y, inverse, out=y)
    limit = None if free_min else -bottom * inverse
    fit = _RangeFit(y, w, high, limit)
    for cut_low, cut_high in search.cuts:
        factor = np.float32(high / (high - cut_low - cut_high))
        fit.attempt(factor, np.float32(cut_low))
    for _ in range(search.refinements):
        fit.attempt(reciprocal(fit.scale), fit.offset)
    back = spread * np.float32(1 / high)
    return fit.scale * back, fit.offset * back + bottom


class _RangeFit:
    """The best scale and offset found so far for values y in 0..high."""

    def __init__(self, y: F32, w: F32 | None, high: int, limit: F32 | None) -> None:
        self.y, self.w, self.high, self.limit = y, w, high, limit
        groups = y.shape[1]
        self.codes = SCRATCH.take("codes", y.shape)
        self.best = np.full(groups, -np.inf, np.float32)
        self.scale = np.zeros(groups, np.float32)
        self.offset = np.zeros(groups, np.float32)
        self.weight = np.full(groups, y.shape[0], np.float32) if w is None else total(w)
        self.sum = total(y) if w is None else weighted_sum(w, y)

    def attempt(self, factor: F32 | np.float32, offset: F32 | np.float32) -> None:
        """Round (y - offset)·factor, solve for scale and offset, keep them where better."""
        codes = self.codes
        np.subtract(self.y, offset, out=codes)
        round_codes(codes, factor, 0, self.high, codes)
        sums = self._moments(codes)
        scale, shift = self._solve(sums)
        # Σwy² - error, for any scale and shift, optimal or limited
        gain = scale * (2 * sums.lx - scale * sums.ll - 2 * shift * sums.l)
        gain += shift * (2 * self.sum - self.weight * shift)
        better = gain > self.best
        np.copyto(self.best, gain, where=better)
        np.copyto(self.scale, scale, where=better)
        np.copyto(self.offset, shift, where=better)

    def _moments(self, codes: F32) -> Moments:
        if self.w is None:
            return Moments(total(codes), weighted_sum(codes, codes), weighted_sum(codes, self.y))
        heavy = SCRATCH.take("heavy", codes.shape)
        np.multiply(self.w, codes, out=heavy)
        return Moments(total(heavy), weighted_sum(heavy, codes), weighted_sum(heavy, self.y))

    def _solve(self, sums: Moments) -> tuple[F32, F32]:
        """Weighted least squares for scale and offset, the offset at most `limit`."""
        weight, y = self.weight, self.sum
        determinant = weight * sums.ll - sums.l * sums.l
        regular = determinant > weight * weight * np.float32(1e-6)
        inverse = np.where(regular, np.float32(1) / np.where(regular, determinant, 1), 0)
        scale = np.where(regular, (weight * sums.lx - y * sums.l) * inverse, 0)
        shift = np.where(
            regular, (sums.ll * y - sums.l * sums.lx) * inverse, y * reciprocal(weight)
        )
        if self.limit is None:
            return scale, shift
        over = shift > self.limit
        fixed = (sums.lx - self.limit * sums.l) * reciprocal(sums.ll)
        return np.where(over, fixed, scale), np.where(over, self.limit, shift)
