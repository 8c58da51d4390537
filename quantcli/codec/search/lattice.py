"""Fitting the lattice formats: vectors of a fixed point set times small integer scales.

A super-block of 256 values has one float16 scale d; its groups of 16 or 32 values have an integer
scale c, and every vector of 4 or 8 values is stored as the number of a point q of the format's set
(and signs): x ≈ d·(2c + 1)·q.

Each group tries several real scales; then integers and d alternate: with d fixed each
group tries neighbours of its integer, with points and integers fixed d follows by least squares
over the super-block. A step is taken only where it lowers the error.

What a choice of points explains at scale s is 2s·P - s²·Q, with sums P and Q over its vectors that
do not depend on s (see `quantcli.codec.search.lattice_points`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantcli.codec.layout.bits import F32, TINY, U8, half_round, reciprocal, tree_sum
from quantcli.codec.search.joint_scale import Candidates
from quantcli.codec.search.lattice_points import Index, Lattice, Vectors
from quantcli.codec.search.scale import Search, take_over

# Integer scales tried around the present one at the highest effort.
WIDE = ((0, 0), (1, 0), (-1, 0), (2, 0), (-2, 0))
# For `headrooms`: a few, and many.
FEW = (1.0, 0.9, 0.95, 1.05, 1.1)
MANY = (1.0, *(0.75 + 0.03 * step for step in range(22)))


@dataclass(frozen=True, slots=True)
class LatticeSearch(Search):
    """How hard a lattice encoder looks.

    Attributes:
        peaks: shares of the highest level that the largest magnitude of a group is mapped to.
        crests: the same for √(Σwx⁴ / Σwx²) of the group. Where weights differ much, this tells the
            scale far better than the largest magnitude.
        headrooms: the first d over the least that gives every group its scale; of these the one is
            taken that leaves the least error with any of the points tried.
        near: points compared per vector while the real scale of a group is searched.
        near_final: points compared per vector in the joint rounds.
    """

    refinements: int = 0
    rounds: int = 1
    crests: tuple[float, ...] = ()
    headrooms: tuple[float, ...] = (1.0,)
    near: int = 2
    near_final: int = 8


# Searches by effort for points of two levels and zero, of three levels, and of eight.
TERNARY = {
    "fast": LatticeSearch(crests=(1.25,), near=1, near_final=2, steps=((0, 0),)),
    "normal": LatticeSearch(crests=(1.1, 1.4), near=2, near_final=10, headrooms=FEW),
    "best": LatticeSearch(
        crests=(1.0, 1.15, 1.32, 1.52),
        near=3,
        near_final=20,
        rounds=2,
        steps=WIDE,
        headrooms=MANY,
    ),
}
THREE_LEVELS = {
    "fast": LatticeSearch(crests=(0.8, 0.98), near=1, near_final=4, steps=((0, 0),)),
    "normal": LatticeSearch(crests=(0.73, 0.88, 1.05), near=2, near_final=20, headrooms=FEW),
    "best": LatticeSearch(
        crests=(0.7, 0.79, 0.88, 0.99, 1.11),
        near=4,
        near_final=24,
        rounds=3,
        steps=WIDE,
        headrooms=MANY,
    ),
}
EIGHT_LEVELS = {
    "fast": LatticeSearch(peaks=(0.9, 1.07), near=1, near_final=3, steps=((0, 0),)),
    "normal": LatticeSearch(peaks=(0.85, 0.95, 1.05, 1.17), near=2, near_final=12, headrooms=FEW),
    "best": LatticeSearch(
        peaks=(0.83, 0.92, 1.02, 1.13, 1.27),
        crests=(0.57, 0.67, 0.77),
        near=4,
        near_final=24,
        rounds=2,
        steps=WIDE,
        headrooms=MANY,
    ),
}


@dataclass(frozen=True, slots=True)
class LatticeBlocks:
    """x ≈ d·(2·scales + 1)·q.

    Attributes:
        d: (n,).
        scales: (n, groups).
        index: number of each vector's point (n, groups, vectors), plus the number of points when
            the second shift is chosen.
        signs: sign masks (n, groups, vectors of 8 values), bit j for value j.
    """

    d: F32
    scales: U8
    index: npt.NDArray[np.uint16]
    signs: U8


def fit_lattice(x: F32, w: F32 | None, lattice: Lattice, search: Search) -> LatticeBlocks:
    """Fit points and scales to x (values of a group, groups, n), weights w of that shape or None.

    Raises:
        TypeError: `search` is not a LatticeSearch.
    """
    if not isinstance(search, LatticeSearch):
        raise TypeError("a lattice format needs a LatticeSearch")
    vectors = Vectors(x, w, lattice, max(search.near, search.near_final))
    fit = _Fit(vectors, lattice, search)
    for _ in range(search.rounds):
        fit.attempt(search.steps)
        fit.refit()
    return LatticeBlocks(
        fit.d * vectors.unit,
        np.ascontiguousarray(fit.factor.T, np.uint8) // np.uint8(2),
        np.ascontiguousarray(fit.index.T, np.uint16),
        np.ascontiguousarray(vectors.sign_masks(fit.index).T),
    )


class _Fit:
    """State of the fit of some super-blocks: d, integer scales and points, and what they explain.

    All but `d` (super-blocks,) and `index` are float32; `factor` (2c + 1 for the integer scale c)
    and `gain` are per group, `product` and `square` (P and Q of the chosen points) per vector.
    """

    def __init__(self, vectors: Vectors, lattice: Lattice, search: LatticeSearch) -> None:
        self.vectors, self.lattice, self.search = vectors, lattice, search
        shape = vectors.shape
        self.gain = np.full(shape[1:], -np.inf, np.float32)
        self.product, self.square = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self.index: Index = np.zeros(shape, np.intp)
        self._start(_best_real(vectors, search))

    def _start(self, real: _Real) -> None:
        """Take d and the integer scales that keep most of what the real scales explain."""
        least = np.max(real.scale, axis=0) * np.float32(1 / (2 * self.lattice.scales - 1))
        trials = [self._storable(least * np.float32(h)) for h in self.search.headrooms]
        self.d, self.factor = real.candidates.super_scale(trials, self._snap, np.float32(1))

    def _storable(self, d: F32) -> F32:
        """The nearest d whose float16 is stored, for the values as they were given."""
        stored: F32 = half_round(d * self.vectors.unit) * self.vectors.inverse
        return stored

    def _snap(self, factor: F32) -> F32:
        """Round to the odd numbers that stand for integer scales, in place."""
        factor *= np.float32(0.5)
        factor -= np.float32(0.5)
        np.rint(factor, out=factor)
        factor += factor
        factor += np.float32(1)
        return self._limit(factor)

    def _limit(self, factor: F32) -> F32:
        last = np.float32(2 * self.lattice.scales - 1)
        return factor.clip(np.float32(1), last, out=factor)

    def attempt(self, steps: tuple[tuple[int, int], ...]) -> None:
        """Choose points at neighbours of the integer scales; keep both where a group gains."""
        start = self.factor.copy()
        nearby = self.vectors.nearby(start * self.d, self.search.near_final)
        place = np.zeros(self.vectors.shape, np.int32)
        changed = np.zeros(start.shape, np.bool_)
        for step, _unused in steps:
            factor = self._limit(start + np.float32(2 * step))
            choice = self.vectors.choose(nearby, factor * self.d)
            gain = tree_sum(choice.gain)
            better = gain > self.gain
            changed |= better
            take_over(better, (self.gain, gain), (self.factor, factor))
            spread = np.broadcast_to(better, self.vectors.shape)
            take_over(
                spread,
                (self.product, choice.product),
                (self.square, choice.square),
                (place.view(np.float32), choice.place.view(np.float32)),
            )
        index = self.vectors.numbers(nearby, place)
        np.copyto(self.index, index, where=np.broadcast_to(changed, index.shape))

    def refit(self) -> None:
        """With points fixed, solve for the integer scales and for d; keep d where it gains."""
        product, square = tree_sum(self.product.copy()), tree_sum(self.square.copy())
        self.factor = factor = self._snap(_solved(product, square) * reciprocal(self.d))
        above = tree_sum(factor * product)
        below = tree_sum(factor * factor * square)
        solved = self._storable(_solved(above, below))
        old = self.d * (above + above - self.d * below)
        new = solved * (above + above - solved * below)
        take_over(new > old, (self.d, solved))
        scale = factor * self.d
        self.gain = scale * (product + product - scale * square)


def _solved(product: F32, square: F32) -> F32:
    """The scale >= 0 that is best for points with these P and Q."""
    scale: F32 = product / np.maximum(square, TINY)
    return scale.clip(np.float32(0), out=scale)


class _Real:
    """Real scales of the groups (groups, n).

    Attributes:
        scale: those that explain most so far.
        candidates: P and Q of the points chosen at every scale tried.
    """

    def __init__(self, vectors: Vectors, near: int) -> None:
        self.vectors, self.near = vectors, near
        self.scale: F32 = np.zeros(vectors.shape[1:], np.float32)
        self.candidates = Candidates()
        self._gain: F32 = np.full(vectors.shape[1:], -1, np.float32)

    def attempt(self, scale: F32) -> None:
        """Choose points at a scale, solve for the scale, twice; keep it where it explains more."""
        nearby = self.vectors.nearby(scale, self.near)
        if len(nearby.product) == 1:  # no choice
            self._solve(nearby.product[0], nearby.square[0])
            return
        for _ in range(2):
            choice = self.vectors.choose(nearby, scale)
            scale = self._solve(choice.product, choice.square)

    def _solve(self, product: F32, square: F32) -> F32:
        """The best scale for points with these P and Q, kept where it explains more."""
        product, square = tree_sum(product), tree_sum(square)
        self.candidates.add(product, square)
        scale = _solved(product, square)
        gain = product * scale
        take_over(gain > self._gain, (self._gain, gain), (self.scale, scale))
        return scale


def _best_real(vectors: Vectors, search: LatticeSearch) -> _Real:
    """Try the scales that `search` tells."""
    real = _Real(vectors, search.near)
    highest = vectors.lattice.levels[-1] * vectors.lattice.unit
    for positions, size in ((search.peaks, vectors.peak), (search.crests, vectors.crest)):
        if positions:
            reach = size()
            for position in positions:
                real.attempt(reach * np.float32(1 / (position * highest)))
    for _ in range(search.refinements):
        real.attempt(real.scale.copy())
    return real
