"""Scale searches for the 4-bit codes of IQ4_NL and IQ4_XS, whose levels are not evenly spaced.

Values are x ≈ s·v with v one of sixteen levels. As in `quantcli.codec.search.scale` the error of a
candidate follows from weighted means, here P of v·x and Q of v²: what it explains at scale s is
2s·P - s²·Q, most at s = P/Q.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantcli.codec.layout.bits import F32, SCRATCH, TINY, U8, half_round, reciprocal, tree_sum
from quantcli.codec.search.joint_scale import Candidates
from quantcli.codec.search.scale import Groups, Search, signed_peak, take_over

# Levels by code.
LEVELS = np.array(
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.float32
)

# The midpoints between levels are multiples of ½, so the nearest level depends on twice the value,
# cut to an integer of -256..255, alone. The tables are indexed by that integer plus 256.
_OFFSET = np.int16(256)
_CUT = np.arange(-256, 256)
_INSIDE = _CUT + np.sign(_CUT) * 0.5  # a value that is cut to it
_CODE = np.searchsorted(LEVELS[:-1] + LEVELS[1:], _INSIDE).astype(np.uint8)
_LEVEL = LEVELS[_CODE]
_REACH = np.float32(255)

# Bits of a product that hold the number of its element, 0..31, instead.
_ELEMENT = np.int32(31)


@dataclass(frozen=True, slots=True)
class LevelSearch(Search):
    """How hard the best scales are looked for.

    Attributes:
        peaks: values the element of largest magnitude is mapped to.
        anchored: with importance: the element of largest w·x², which decides most where weights
            differ much, is also mapped to every level.
        nudges: then tried on the best so far: relative changes of the scale.
        headrooms: super-blocks: the first d over the least that gives every group its scale; of
            these the one is taken that leaves the least error with any of the candidates of each
            group.
    """

    anchored: bool = False
    headrooms: tuple[float, ...] = (1.0,)


# Values the element of largest magnitude is mapped to at the highest effort.
MANY_PEAKS = (
    *(-160.0, -148.0, -140.0, -134.0, -130.0, -127.0, -124.0, -120.0, -116.0, -112.0, -108.0),
    *(-104.0, 95.0, 100.0, 104.0, 108.0, 111.0, 114.0, 118.0, 123.0, 130.0),
)


def _place(x: F32, factor: F32, scratch: F32) -> npt.NDArray[np.int16]:
    """Table indices of x·factor."""
    np.multiply(x, factor + factor, out=scratch)
    scratch.clip(-_REACH, _REACH, out=scratch)
    cut = SCRATCH.take("cut", x.shape, np.int16)
    np.copyto(cut, scratch, casting="unsafe")
    np.add(cut, _OFFSET, out=cut)
    return cut


def level_codes(x: F32, factor: F32) -> U8:
    """Codes of the levels nearest to x·factor, in scratch memory."""
    codes: U8 = SCRATCH.take("bytes", x.shape, np.uint8)
    scratch = SCRATCH.take("product", x.shape)
    np.take(_CODE, _place(x, factor, scratch), out=codes, mode="clip")
    return codes


class _Trials:
    """The candidates tried for every group, and the best scale so far."""

    def __init__(self, groups: Groups) -> None:
        self.groups = groups
        shape = groups.x.shape[1:]
        self.candidates = Candidates()
        self.scale: F32 = np.zeros(shape, np.float32)
        self._best: F32 = np.full(shape, -1, np.float32)

    def attempt(self, factor: F32) -> None:
        """Take the levels nearest to x·factor and solve for their scale."""
        product, square = _level_means(self.groups, factor)
        self.candidates.add(product, square)
        solved = product / np.maximum(square, TINY)
        gain = product * solved
        take_over(gain > self._best, (self._best, gain), (self.scale, solved))


def _level_means(groups: Groups, factor: F32) -> tuple[F32, F32]:
    """P and Q of the levels nearest to x·factor."""
    place = _place(groups.x, factor, groups.codes)
    np.take(_LEVEL, place, out=groups.codes, mode="clip")
    return groups.mean_product(), groups.mean_square()


def level_scale(groups: Groups, search: Search) -> F32:
    """Scale s of each group, of either sign, that minimises Σw(x - s·v)².

    Raises:
        TypeError: `search` is not a LevelSearch.
    """
    return _trials(groups, _level_search(search)).scale


def _level_search(search: Search) -> LevelSearch:
    if not isinstance(search, LevelSearch):
        raise TypeError("levels that are not evenly spaced need a LevelSearch")
    return search


def _trials(groups: Groups, search: LevelSearch) -> _Trials:
    """Try the scales that `search` tells."""
    trials = _Trials(groups)
    inverse = reciprocal(signed_peak(groups.x))
    for position in search.peaks:
        trials.attempt(inverse * np.float32(position))
    if groups.w is not None and search.anchored:
        inverse = reciprocal(_anchor(groups.x, groups.w))
        for level in LEVELS:
            trials.attempt(inverse * level)
    for stretch in (*[0.0] * search.refinements, *[nudge for nudge, _ in search.nudges]):
        trials.attempt(reciprocal(trials.scale * np.float32(1 + stretch)))
    return trials


def _anchor(x: F32, w: F32) -> F32:
    """The element of largest w·x² along axis 0."""
    cost = np.multiply(w, x, out=SCRATCH.take("product", x.shape))
    np.multiply(cost, x, out=cost)
    bits = cost.view(np.int32)
    bits &= ~_ELEMENT
    bits |= np.arange(len(x), dtype=np.int32).reshape(-1, *[1] * (x.ndim - 1))
    number = np.max(bits, axis=0).reshape(-1) & _ELEMENT
    place = number * np.intp(number.size) + np.arange(number.size)
    anchor: F32 = np.take(x, place, mode="clip").reshape(x.shape[1:])
    return anchor


@dataclass(frozen=True, slots=True)
class LevelBlocks:
    """x ≈ d·scales·v; d (n,), scales (groups, n)."""

    d: F32
    scales: F32


def fit_level_blocks(groups: Groups, reach: int, search: Search) -> LevelBlocks:
    """Fit d and integer scales -reach..reach-1 to x (elements, groups, n).

    Starts from the d that goes best with the candidates of the groups. A round tries `search.steps`
    on each integer scale and re-fits d by least squares; both are accepted only where they lower
    the error.

    Raises:
        TypeError: `search` is not a LevelSearch.
    """
    search = _level_search(search)
    fit = _LevelFit(groups, reach)
    fit.start(_trials(groups, search), search.headrooms)
    for _ in range(search.rounds):
        for step, _unused in search.steps:
            fit.attempt(fit.scales + np.float32(step))
        fit.refit()
    return LevelBlocks(fit.d, fit.scales)


class _LevelFit:
    """State of a fit of super-blocks."""

    def __init__(self, groups: Groups, reach: int) -> None:
        self.groups, self.reach = groups, reach
        self.best = np.full(groups.x.shape[1:], -1, np.float32)

    def start(self, trials: _Trials, headrooms: tuple[float, ...]) -> None:
        """Choose d; without headroom the group scale of largest magnitude becomes -reach."""
        least = signed_peak(trials.scale) / np.float32(-self.reach)
        supers = [half_round(least * np.float32(headroom)) for headroom in headrooms]
        weight = self.groups.weight
        self.d, self.scales = trials.candidates.super_scale(supers, self._snap, weight)

    def _snap(self, scale: F32) -> F32:
        """Round to integer scales, in place."""
        np.rint(scale, out=scale)
        return scale.clip(np.float32(-self.reach), np.float32(self.reach - 1), out=scale)

    def _means(self, scales: F32) -> tuple[F32, F32]:
        """P and Q for integer scales."""
        return _level_means(self.groups, reciprocal(scales * self.d))

    @staticmethod
    def _gain(scale: F32, product: F32, square: F32) -> F32:
        gain: F32 = scale * (product + product - scale * square)
        return gain

    def attempt(self, scales: F32) -> None:
        """Round with these integers, solve, snap to an integer; keep it where better."""
        product, square = self._means(scales)
        snapped = self._snap(product / np.maximum(square, TINY) * reciprocal(self.d))
        gain = self._gain(snapped * self.d, product, square)
        take_over(gain > self.best, (self.best, gain), (self.scales, snapped))

    def refit(self) -> None:
        """Re-fit d to the levels of the current integers."""
        product, square = self._means(self.scales)
        heavy = self.scales * self.groups.weight
        above = tree_sum(heavy * product)
        below = tree_sum(heavy * self.scales * square)
        d = half_round(above / np.maximum(below, TINY))
        old = self._gain(self.scales * self.d, product, square)
        new = self._gain(self.scales * d, product, square)
        weight = self.groups.weight
        better = tree_sum(new * weight) > tree_sum(old * weight)
        take_over(better, (self.d, d))
        self.best = self._gain(self.scales * self.d, product, square)
