"""Scale searches shared by the block formats.

All functions work on transposed groups: values x (elements of a group, groups) float32, weights w
of the same shape or None for uniform; results are per group (groups,). The error of a candidate is
never computed by a second pass over the group: with integer codes l and x ≈ s·l + m it follows from
the weighted means of l, l², lx and x. Values are first scaled so that the group's range is the code
range; a candidate is then one constant for all groups.

A candidate's `gain` is the weighted mean of x² minus the weighted mean squared error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantcli.codec.layout.bits import F32, HALF_MAX, SCRATCH, TINY, reciprocal, tree_sum

# A variance of the codes below this share of their mean square is rounding noise.
FLAT = np.float32(1e-5)


@dataclass(frozen=True, slots=True)
class Search:
    """How hard an encoder looks for the best scales.

    Attributes:
        peaks: symmetric formats: values the element of largest magnitude is mapped to.
        means: with importance: values the weighted root mean square is mapped to. It tells the
            scale where the element of largest magnitude hardly matters.
        cuts: formats with a minimum: how far the range is cut at its low and at its high end, in
            code steps.
        refinements: rounds of "round to codes, solve for the scale" after the best candidate.
        nudges: then tried on the best so far, in code steps: how far the last code moves when the
            scale is stretched, and for formats with a minimum how far the whole range moves.
        rounds: super-block formats: joint rounds; each tries `steps`, then re-fits super-scales.
        headroom: super-block formats: the first super-scale over the least that gives every group
            its scale. With codes of many levels a coarser step often fits a group by chance better
            than the finest that cuts nothing, and the group with the largest scale must be free to
            take it.
        steps: changes of a group's integer (scale, min) tried in each joint round, away from zero
            where scales are signed.
    """

    peaks: tuple[float, ...] = ()
    means: tuple[float, ...] = ()
    cuts: tuple[tuple[float, float], ...] = ()
    refinements: int = 1
    nudges: tuple[tuple[float, float], ...] = ()
    rounds: int = 0
    headroom: float = 1.0
    steps: tuple[tuple[int, int], ...] = ((0, 0), (1, 0), (-1, 0))


def square(*cuts: float) -> tuple[tuple[float, float], ...]:
    """All pairs of the given cuts, for `Search.cuts`."""
    return tuple((low, high) for low in cuts for high in cuts)


def axes(stretch: float, move: float) -> tuple[tuple[float, float], ...]:
    """Stretch alone and move alone, both ways, for `Search.nudges`."""
    return ((stretch, 0), (-stretch, 0), (0, move), (0, -move))


def diagonal(stretch: float, move: float) -> tuple[tuple[float, float], ...]:
    """Stretch and move together, all signs, for `Search.nudges`: each end of the range moves."""
    return ((stretch, move), (-stretch, move), (stretch, -move), (-stretch, -move))


def neighbours(reach: int) -> tuple[tuple[int, int], ...]:
    """All integer steps of scale and min up to `reach` but none, for `Search.steps`."""
    span = range(-reach, reach + 1)
    return tuple((scale, low) for scale in span for low in span if scale or low)


def signed_peak(x: F32) -> F32:
    """The element of largest magnitude along axis 0, with its sign."""
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


def round_range(x: F32, scale: F32, shift: F32, high: int, out: F32) -> F32:
    """Codes round((x - shift)/scale) limited to 0..high, as float32 in `out`; scale >= 0."""
    np.subtract(x, shift, out=out)
    return round_codes(out, np.float32(1) / np.maximum(scale, TINY), 0, high, out)


def take_over(where: npt.NDArray[np.bool_], *pairs: tuple[F32, F32]) -> None:
    """Copy new to old where the mask is set, for pairs (old, new) of equal shape.

    Works on bit patterns: on a random mask that is several times faster than a masked copy.
    """
    mask = where.astype(np.int32)
    np.negative(mask, out=mask)
    for old, new in pairs:
        bits = old.view(np.int32)
        change = bits ^ new.view(np.int32)
        change &= mask
        bits ^= change


class Groups:
    """The groups of a chunk and weighted means over them."""

    def __init__(self, x: F32, w: F32 | None) -> None:
        """Keep x and w (elements, groups); x must stay unchanged."""
        self.x, self.w = x, w
        self.codes: F32 = SCRATCH.take("codes", x.shape)
        self._product: F32 = SCRATCH.take("product", x.shape)
        if w is None:
            self._wx = x
            self._inverse: F32 | np.float32 = np.float32(1 / x.shape[0])
            self.weight: F32 = np.full(x.shape[1:], x.shape[0], np.float32)
        else:
            self._wx = SCRATCH.take("weighted", x.shape)
            np.multiply(w, x, out=self._wx)
            self.weight = self._total(w)
            self._inverse = reciprocal(self.weight)

    def mean_x(self) -> F32:
        """Weighted mean of x."""
        mean: F32 = self._total(self._wx) * self._inverse
        return mean

    def mean_code(self) -> F32:
        """Weighted mean of the codes l."""
        if self.w is None:
            mean: F32 = self._total(self.codes) * self._inverse
            return mean
        return self._mean(self.codes, self.w)

    def mean_square(self) -> F32:
        """Weighted mean of l²."""
        if self.w is None:
            return self._mean(self.codes, self.codes)
        product = self._product
        np.multiply(self.codes, self.codes, out=product)
        np.multiply(product, self.w, out=product)
        mean: F32 = tree_sum(product) * self._inverse
        return mean

    def mean_product(self) -> F32:
        """Weighted mean of l·x."""
        return self._mean(self.codes, self._wx)

    def root_mean_square(self) -> F32:
        """Root of the weighted mean of x²."""
        root: F32 = np.sqrt(self._mean(self._wx, self.x))
        return root

    def _mean(self, a: F32, b: F32) -> F32:
        np.multiply(a, b, out=self._product)
        mean: F32 = tree_sum(self._product) * self._inverse
        return mean

    def _total(self, a: F32) -> F32:
        half = a.shape[0] // 2
        np.add(a[:half], a[half:], out=self._product[:half])
        result: F32 = tree_sum(self._product[:half]).copy()
        return result


def symmetric_scale(groups: Groups, low: int, high: int, search: Search) -> F32:
    """Scale s that minimises Σw(x - s·l)², l = round(x/s) limited to low..high.

    Each candidate maps the element of largest magnitude to one value; least squares then gives the
    scale for the codes found. The best candidate's codes are refined by rounding with the solved
    scale and solving again.
    """
    x, codes = groups.x, groups.codes
    inverse = reciprocal(signed_peak(x))
    best = np.full(x.shape[1:], -1, np.float32)
    scale = np.zeros(x.shape[1:], np.float32)
    for position in search.peaks:
        factor = inverse * np.float32(position)
        if round(abs(position)) > high:
            round_codes(x, factor, low, high, codes)
        else:
            np.multiply(x, factor, out=codes)
            np.rint(codes, out=codes)
        _keep_better(groups, best, scale)
    if groups.w is not None and search.means:
        inverse = reciprocal(groups.root_mean_square())
        for position in search.means:
            round_codes(x, inverse * np.float32(position), low, high, codes)
            _keep_better(groups, best, scale)
    for stretch in (*[0.0] * search.refinements, *[nudge for nudge, _ in search.nudges]):
        factor = reciprocal(scale * np.float32(1 + stretch / high))
        round_codes(x, factor, low, high, codes)
        _keep_better(groups, best, scale)
    return scale


def _keep_better(groups: Groups, best: F32, scale: F32) -> None:
    """Solve for the scale of the codes; where it explains more than `best`, take it over."""
    product = groups.mean_product()
    solved = product / np.maximum(groups.mean_square(), TINY)
    np.multiply(product, solved, out=product)
    take_over(product > best, (best, product), (scale, solved))


def range_scale(
    x: F32, w: F32 | None, high: int, search: Search, *, free_min: bool
) -> tuple[F32, F32]:
    """Scale s >= 0 and offset m that minimise Σw(x - s·l - m)², codes l = 0..high.

    With `free_min`, m is within float16's range as long as x is, else it is m ≤ 0. Candidates cut
    the range at both ends; weighted least squares solves for s and m of the codes found.
    """
    bottom = np.min(x, axis=0)
    if not free_min:
        np.minimum(bottom, np.float32(0), out=bottom)
    spread = np.max(x, axis=0) - bottom
    inverse = reciprocal(spread) * np.float32(high)
    y = SCRATCH.take("unit", x.shape)
    np.subtract(x, bottom, out=y)
    np.multiply(y, inverse, out=y)
    if free_min:
        least = np.minimum((-HALF_MAX - bottom) * inverse, np.float32(0))
        fit = _RangeFit(Groups(y, w), (np.maximum, least))
    else:
        fit = _RangeFit(Groups(y, w), (np.minimum, -bottom * inverse))
    for cut_low, cut_high in search.cuts:
        fit.cut(cut_low, cut_high, high)
    for _ in range(search.refinements):
        round_range(y, fit.scale, fit.shift, high, fit.groups.codes)
        fit.solve()
    for stretch, move in search.nudges:
        shift = fit.shift + fit.scale * np.float32(move - stretch / 2)
        round_range(y, fit.scale * np.float32(1 + stretch / high), shift, high, fit.groups.codes)
        fit.solve()
    back = spread * np.float32(1 / high)
    return fit.scale * back, fit.shift * back + bottom


class _RangeFit:
    """The best scale and shift found so far for values y in 0..high, y ≈ scale·l + shift."""

    def __init__(self, groups: Groups, limit: tuple[np.ufunc, F32]) -> None:
        """Keep the groups, and which of a shift and its limit is taken."""
        count = groups.x.shape[1]
        self.groups, self.limit = groups, limit
        self.mean = groups.mean_x()
        self.best = np.full(count, -np.inf, np.float32)
        self.scale = np.zeros(count, np.float32)
        self.shift = np.zeros(count, np.float32)

    def cut(self, low: float, top: float, high: int) -> None:
        """Try the range from `low` to high - `top`, both in code steps."""
        factor = high / (high - low - top)
        codes = self.groups.codes
        np.multiply(self.groups.x, np.float32(factor), out=codes)
        if low:
            np.subtract(codes, np.float32(low * factor), out=codes)
        np.rint(codes, out=codes)
        # the ends of the range land on -low·factor and (high - low)·factor
        if round(-low * factor) < 0 or round((high - low) * factor) > high:
            codes.clip(np.float32(0), np.float32(high), out=codes)
        self.solve()

    def solve(self) -> None:
        """Solve for scale and shift of the codes, shift within `limit`; keep them where better."""
        groups, mean = self.groups, self.mean
        first, square, product = groups.mean_code(), groups.mean_square(), groups.mean_product()
        shift = optimal_shift(first, square, product, mean)
        stricter, limit = self.limit
        stricter(shift, limit, out=shift)
        rest = product - shift * first
        scale = rest / np.maximum(square, TINY)
        gain = scale * rest
        gain += shift * (mean + mean - shift)
        take_over(gain > self.best, (self.best, gain), (self.scale, scale), (self.shift, shift))


def optimal_shift(first: F32, square: F32, product: F32, mean: F32) -> F32:
    """Least-squares m of x ≈ s·l + m from the means of l, l², lx and x; 0 where l is constant."""
    variance = square - first * first
    regular = variance > square * FLAT
    shift: F32 = square * mean - first * product
    shift /= np.maximum(variance, TINY)
    shift *= regular
    return shift
