"""Fitting the lattice formats: vectors of a fixed point set times small integer scales.

A super-block of 256 values has one float16 scale d; its groups of 16 or 32 values have an integer
scale c, and every vector of 4 or 8 values is stored as the number of a point q of the format's set
(and signs): x ≈ d·(2c + 1)·q.

Each group tries several real scales; then integers and d alternate: with d fixed each
group tries neighbours of its integer, with points and integers fixed d follows by least squares
over the super-block. A step is taken only where it lowers the error.

What a choice of points explains at scale s is 2s·P - s²·Q, with sums P and Q over its vectors that
do not depend on s (see `quantcli.codec.points`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quantcli.codec import grids
from quantcli.codec.bits import F32, U8, half_round, tree_sum
from quantcli.codec.points import Index, Lattice, Vectors
from quantcli.codec.search import TINY, Search, reciprocal, take_over

# Weights fitted together. More would need more memory than a core's share of the L3 cache, fewer
# spend the time in calls: at a quarter of this the speed is two thirds.
FIT_WEIGHTS = 128 * 1024

# Integer scales tried around the present one at the highest effort.
WIDE = ((0, 0), (1, 0), (-1, 0), (2, 0), (-2, 0))


@dataclass(frozen=True, slots=True)
class LatticeSearch(Search):
    """How hard a lattice encoder looks.

    Attributes:
        means: values the root mean square of a group is mapped to, tried like `peaks`.
        near: points compared per vector while the real scale of a group is searched.
        near_final: points compared per vector in the joint rounds.
    """

    refinements: int = 0
    rounds: int = 1
    means: tuple[float, ...] = ()
    near: int = 2
    near_final: int = 8


@dataclass(frozen=True, slots=True)
class LatticeBlocks:
    """x ≈ d·(2·scales + 1)·q.

    Attributes:
        d: (n,).
        scales: uint8 (groups, n).
        index: number of each vector's point (vectors, groups, n), plus the number of points when
            the second shift is chosen.
        signs: sign masks (vectors of 8 values, groups, n), bit j for value j.
    """

    d: F32
    scales: U8
    index: Index
    signs: U8


def fit_lattice(x: F32, w: F32 | None, lattice: Lattice, search: Search) -> LatticeBlocks:
    """Fit points and scales to x (values of a group, groups, n), weights w of that shape or None.

    Raises:
        TypeError: `search` is not a LatticeSearch.
    """
    if not isinstance(search, LatticeSearch):
        raise TypeError("a lattice format needs a LatticeSearch")
    size, groups, count = x.shape
    dim = grids.points(lattice.grid).shape[1]
    result = LatticeBlocks(
        np.empty(count, np.float32),
        np.empty((groups, count), np.uint8),
        np.empty((size // dim, groups, count), np.intp),
        np.empty((size // 8, groups, count), np.uint8),
    )
    step = max(1, FIT_WEIGHTS // (size * groups))
    for start in range(0, count, step):
        part = slice(start, start + step)
        near = max(search.near, search.near_final)
        vectors = Vectors(x[:, :, part], None if w is None else w[:, :, part], lattice, near)
        fit = _Fit(vectors, lattice, search)
        fit.run()
        result.d[part] = fit.d * vectors.unit
        result.scales[:, part] = fit.level
        result.index[:, :, part] = fit.index
        result.signs[:, :, part] = vectors.sign_masks(fit.index)
    return result


class _Fit:
    """State of the fit of some super-blocks: d, integer scales and points, and what they explain.

    All but `d` (super-blocks,) and `index` are float32; `level` and `gain` are per group, `product`
    and `square` (P and Q of the chosen points) per vector.
    """

    def __init__(self, vectors: Vectors, lattice: Lattice, search: LatticeSearch) -> None:
        self.vectors, self.lattice, self.search = vectors, lattice, search
        shape = vectors.shape
        self.gain = np.full(shape[1:], -np.inf, np.float32)
        self.product, self.square = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self.index: Index = np.zeros(shape, np.intp)
        scale = self._real_scales()
        self.d = self._storable(np.max(scale, axis=0) / np.float32(2 * lattice.scales - 1))
        self.level = self._integer(scale)

    def run(self) -> None:
        """Improve scales and points jointly."""
        for _ in range(self.search.rounds):
            self._attempt(self.search.steps)
            self._refit()

    def _storable(self, d: F32) -> F32:
        """The nearest d whose float16 is stored, for the values as they were given."""
        stored: F32 = half_round(d * self.vectors.unit) * self.vectors.inverse
        return stored

    def _integer(self, scale: F32) -> F32:
        """Integer scales c whose 2c + 1 is nearest to scale/d."""
        level: F32 = scale * reciprocal(self.d)
        level -= np.float32(1)
        level *= np.float32(0.5)
        np.rint(level, out=level)
        return self._limit(level)

    def _limit(self, level: F32) -> F32:
        return level.clip(np.float32(0), np.float32(self.lattice.scales - 1), out=level)

    def _real_scales(self) -> F32:
        """The real scale of each group (groups, n) that explains most."""
        unit = self.lattice.unit
        best = np.full(self.vectors.shape[1:], -1, np.float32)
        scale = np.zeros(self.vectors.shape[1:], np.float32)
        if self.search.peaks:
            peak = self.vectors.peak()
            for position in self.search.peaks:
                self._try_scale(peak * np.float32(1 / (position * unit)), best, scale)
        if self.search.means:
            mean = self.vectors.root_mean_square()
            for position in self.search.means:
                self._try_scale(mean * np.float32(1 / (position * unit)), best, scale)
        for _ in range(self.search.refinements):
            self._try_scale(scale.copy(), best, scale)
        return scale

    def _try_scale(self, trial: F32, best: F32, scale: F32) -> None:
        """Choose points at a scale, solve for the scale, twice; keep it where it explains more."""
        nearby = self.vectors.nearby(trial, self.search.near)
        for _ in range(2):
            choice = self.vectors.choose(nearby, trial)
            product, square = tree_sum(choice.product), tree_sum(choice.square)
            trial = np.maximum(product / np.maximum(square, TINY), np.float32(0))
            gain = product * trial
            take_over(gain > best, (best, gain), (scale, trial))

    def _attempt(self, steps: tuple[tuple[int, int], ...]) -> None:
        """Choose points at neighbours of the integer scales; keep both where a group gains."""
        start = self.level.copy()
        nearby = self.vectors.nearby(self._scale(start), self.search.near_final)
        for step, _unused in steps:
            level = self._limit(start + np.float32(step))
            choice = self.vectors.choose(nearby, self._scale(level))
            gain = tree_sum(choice.gain)
            better = gain > self.gain
            if not better.any():
                continue
            take_over(better, (self.gain, gain), (self.level, level))
            spread = np.broadcast_to(better, self.vectors.shape)
            take_over(spread, (self.product, choice.product), (self.square, choice.square))
            np.copyto(self.index, self.vectors.numbers(nearby, choice.place), where=spread)

    def _scale(self, level: F32) -> F32:
        scale: F32 = (level + level + np.float32(1)) * self.d
        return scale

    def _refit(self) -> None:
        """Solve for d with points and integers fixed; keep it where the super-block gains."""
        product, square = tree_sum(self.product.copy()), tree_sum(self.square.copy())
        factor = self.level + self.level + np.float32(1)
        above = tree_sum(factor * product)
        below = tree_sum(factor * factor * square)
        solved = np.maximum(above / np.maximum(below, TINY), np.float32(0))
        solved = self._storable(solved)
        old = self.d * (above + above - self.d * below)
        new = solved * (above + above - solved * below)
        take_over(new > old, (self.d, solved))
        scale = factor * self.d
        self.gain = scale * (product + product - scale * square)
