"""Fitting super-blocks: group scales as small integers times one or two float16 scales.

Arrays of a chunk are (elements of a group, groups of a super-block, super-blocks), so that a value
per super-block broadcasts over its groups.

Both fits start from real-valued scales of each group and then alternate: with the super-scales
fixed, each group tries neighbours of its integer scale (and min): round, solve by least squares,
snap the solution to the integers and compare by true error; with codes and integers fixed, the
super-scales follow by least squares over the super-block and are rounded to float16. A step is
taken only where it lowers the error, so more rounds never make a block worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quantcli.codec.layout.bits import (
    F32,
    TINY,
    Blocks,
    half_round,
    pack_scales_k4,
    reciprocal,
    to_half,
    tree_sum,
)
from quantcli.codec.layout.block_parts import Parts
from quantcli.codec.search.scale import (
    FLAT,
    Groups,
    Search,
    optimal_shift,
    range_scale,
    round_codes,
    round_range,
    signed_peak,
    symmetric_scale,
    take_over,
)


@dataclass(frozen=True, slots=True)
class RangeBlocks:
    """x ≈ d·scales·codes - dmin·mins; d, dmin (n,), scales, mins (groups, n), codes as x."""

    d: F32
    dmin: F32
    scales: F32
    mins: F32
    codes: F32


@dataclass(frozen=True, slots=True)
class SignedBlocks:
    """x ≈ d·scales·codes; d (n,), scales (groups, n), codes as x."""

    d: F32
    scales: F32
    codes: F32


def fit_range_blocks(x: F32, w: F32 | None, high: int, levels: int, search: Search) -> RangeBlocks:
    """Fit codes 0..high, scales and mins 0..levels to x (elements, groups, n).

    The returned codes live in scratch memory until the next fit.
    """
    flat = _flat(x)
    scale, shift = range_scale(flat, _flat_or_none(w), high, search, free_min=False)
    fit = _RangeSearch(x, w, high, levels)
    fit.start(scale.reshape(fit.shape), -shift.reshape(fit.shape), search.headroom)
    for _ in range(search.rounds):
        for step, low in search.steps:
            fit.attempt(fit.scales + np.float32(step), fit.mins + np.float32(low))
        fit.refit()
    if search.rounds:
        fit.attempt(fit.scales, fit.mins)
    codes = fit.round(fit.scales, fit.mins)
    return RangeBlocks(fit.d, fit.dmin, fit.scales, fit.mins, codes)


def fit_signed_blocks(
    x: F32, w: F32 | None, high: int, levels: int, search: Search
) -> SignedBlocks:
    """Fit codes -high..high-1 and scales -levels..levels-1 to x (elements, groups, n).

    The returned codes live in scratch memory until the next fit.
    """
    fit = _SignedSearch(x, w, high, levels)
    fit.start(symmetric_scale(fit.groups, -high, high - 1, search), search.headroom)
    for _ in range(search.rounds):
        for step, _unused in search.steps:
            fit.attempt(fit.scales + np.copysign(np.float32(step), fit.scales))
        fit.refit()
    if search.rounds:
        fit.attempt(fit.scales)
    return SignedBlocks(fit.d, fit.scales, fit.round(fit.scales))


def store_scales_k4(parts: Parts, out: Blocks) -> None:
    """Store super-scales and 6-bit scales and mins as Q4_K and Q5_K do."""
    out["d"] = to_half(parts.d)
    out["dmin"] = to_half(parts.dmin)
    out["scales"] = pack_scales_k4(parts.scales.astype(np.uint8), parts.mins.astype(np.uint8))


def _flat(x: F32) -> F32:
    return x.reshape(x.shape[0], -1)


def _flat_or_none(w: F32 | None) -> F32 | None:
    return None if w is None else _flat(w)


class _RangeSearch:
    """State of a fit with scales and mins."""

    def __init__(self, x: F32, w: F32 | None, high: int, levels: int) -> None:
        self.high, self.levels = high, np.float32(levels)
        self.shape = x.shape[1:]
        self.groups = Groups(x, w)
        self.mean = self.groups.mean_x()
        self.best = np.full(self.shape, -np.inf, np.float32)

    def start(self, scale: F32, low: F32, headroom: float) -> None:
        """Super-scales from the largest group scale and min; integers by rounding."""
        share = np.float32(headroom) / self.levels
        self.d = half_round(np.max(scale, axis=0) * share)
        self.dmin = half_round(np.max(low, axis=0) * share)
        self.scales = self._integer(scale * reciprocal(self.d))
        self.mins = self._integer(low * reciprocal(self.dmin))

    def _integer(self, values: F32) -> F32:
        np.rint(values, out=values)
        return values.clip(np.float32(0), self.levels, out=values)

    def round(self, scales: F32, mins: F32) -> F32:
        """Codes for integer scales and mins."""
        return round_range(
            self.groups.x, scales * self.d, -(mins * self.dmin), self.high, self.groups.codes
        )

    def _gain(self, scale: F32, low: F32, means: tuple[F32, F32, F32]) -> F32:
        """Gain of x ≈ scale·l - low for the means of l, l², lx."""
        first, square, product = means
        gain: F32 = scale * (product + product - scale * square + (low + low) * first)
        gain -= low * (self.mean + self.mean + low)
        return gain

    def _means(self) -> tuple[F32, F32, F32]:
        groups = self.groups
        return groups.mean_code(), groups.mean_square(), groups.mean_product()

    def attempt(self, scales: F32, mins: F32) -> None:
        """Round with these integers, solve, snap to integers; keep them where better."""
        self.round(scales, mins)
        means = self._means()
        first, square, product = means
        low = -optimal_shift(first, square, product, self.mean)
        np.maximum(low, np.float32(0), out=low)
        scale = (product + low * first) / np.maximum(square, TINY)
        snapped = self._integer(scale * reciprocal(self.d))
        scale = snapped * self.d
        lows = self._integer((scale * first - self.mean) * reciprocal(self.dmin))
        gain = self._gain(scale, lows * self.dmin, means)
        take_over(gain > self.best, (self.best, gain), (self.scales, snapped), (self.mins, lows))

    def refit(self) -> None:
        """Re-fit both super-scales to the codes of the current integers."""
        self.round(self.scales, self.mins)
        means = self._means()
        d, dmin = self._solve(means)
        weight = self.groups.weight
        old = self._gain(self.scales * self.d, self.mins * self.dmin, means)
        new = self._gain(self.scales * d, self.mins * dmin, means)
        better = tree_sum(new * weight) > tree_sum(old * weight)
        take_over(better, (self.d, d), (self.dmin, dmin))
        self.best = self._gain(self.scales * self.d, self.mins * self.dmin, means)

    def _solve(self, means: tuple[F32, F32, F32]) -> tuple[F32, F32]:
        """Weighted least squares for d and dmin over each super-block, rounded to float16."""
        first, square, product = means
        scales, mins, weight = self.scales, self.mins, self.groups.weight
        heavy = scales * weight
        light = mins * weight
        a11 = tree_sum(heavy * scales * square)
        a12 = -tree_sum(heavy * mins * first)
        a22 = tree_sum(light * mins)
        b1 = tree_sum(heavy * product)
        b2 = -tree_sum(light * self.mean)
        determinant = a11 * a22 - a12 * a12
        regular = determinant > a11 * a22 * FLAT
        inverse = reciprocal(determinant)
        # where codes or mins are all zero, or proportional, one after the other
        alone = (b1 - a12 * self.dmin) / np.maximum(a11, TINY)
        d = np.where(regular, (b1 * a22 - b2 * a12) * inverse, alone)
        alone = (b2 - a12 * d) / np.maximum(a22, TINY)
        dmin = np.where(regular, (a11 * b2 - a12 * b1) * inverse, alone)
        zero = np.float32(0)
        return half_round(np.maximum(d, zero)), half_round(np.maximum(dmin, zero))


class _SignedSearch:
    """State of a fit with signed scales."""

    def __init__(self, x: F32, w: F32 | None, high: int, levels: int) -> None:
        self.high, self.levels = high, levels
        self.shape = x.shape[1:]
        self.groups = Groups(x, w)
        self.best = np.full(self.shape, -1, np.float32)

    def start(self, scale: F32, headroom: float) -> None:
        """The group scale of largest magnitude becomes -levels / headroom; integers by rounding."""
        self.d = half_round(signed_peak(scale) * np.float32(-headroom / self.levels))
        self.scales = self._integer(scale)

    def _integer(self, scale: F32) -> F32:
        values = scale * reciprocal(self.d)
        np.rint(values, out=values)
        return values.clip(np.float32(-self.levels), np.float32(self.levels - 1), out=values)

    def round(self, scales: F32) -> F32:
        """Codes for integer scales."""
        factor = reciprocal(scales * self.d)
        return round_codes(self.groups.x, factor, -self.high, self.high - 1, self.groups.codes)

    def attempt(self, scales: F32) -> None:
        """Round with these integers, solve, snap to an integer; keep it where better."""
        self.round(scales)
        square, product = self.groups.mean_square(), self.groups.mean_product()
        snapped = self._integer(product / np.maximum(square, TINY))
        gain = self._gain(snapped * self.d, square, product)
        take_over(gain > self.best, (self.best, gain), (self.scales, snapped))

    @staticmethod
    def _gain(scale: F32, square: F32, product: F32) -> F32:
        gain: F32 = scale * (product + product - scale * square)
        return gain

    def refit(self) -> None:
        """Re-fit the super-scale to the codes of the current integers."""
        self.round(self.scales)
        square, product = self.groups.mean_square(), self.groups.mean_product()
        heavy = self.scales * self.groups.weight
        above = tree_sum(heavy * product)
        below = tree_sum(heavy * self.scales * square)
        d = half_round(above / np.maximum(below, TINY))
        weight = self.groups.weight
        old = tree_sum(self._gain(self.scales * self.d, square, product) * weight)
        new = tree_sum(self._gain(self.scales * d, square, product) * weight)
        take_over(new > old, (self.d, d))
        self.best = self._gain(self.scales * self.d, square, product)
