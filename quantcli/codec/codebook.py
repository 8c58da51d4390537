"""Scale searches for codes that are not evenly spaced, or not evenly around zero.

Values are x ≈ s·v with v one of a format's few levels. As in `quantcli.codec.search` the error of a
candidate follows from weighted means, here of v² and v·x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantcli.codec.bits import F32, SCRATCH, U8, half_round, tree_sum
from quantcli.codec.search import TINY, Groups, Search, reciprocal, signed_peak, take_over

# Writes the level nearest to x·factor for every value.
Snap = Callable[[F32, F32, F32], None]

# Levels of IQ4_NL and IQ4_XS, by code.
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


def _place(x: F32, factor: F32, scratch: F32) -> npt.NDArray[np.int16]:
    """Table indices of x·factor."""
    np.multiply(x, factor + factor, out=scratch)
    scratch.clip(-_REACH, _REACH, out=scratch)
    cut = SCRATCH.take("cut", x.shape, np.int16)
    np.copyto(cut, scratch, casting="unsafe")
    np.add(cut, _OFFSET, out=cut)
    return cut


def snap_levels(x: F32, factor: F32, out: F32) -> None:
    """Write the level nearest to x·factor; see `Snap`."""
    np.take(_LEVEL, _place(x, factor, out), out=out, mode="clip")


def level_codes(x: F32, factor: F32) -> U8:
    """Codes of the levels nearest to x·factor, in scratch memory."""
    codes: U8 = SCRATCH.take("bytes", x.shape, np.uint8)
    scratch = SCRATCH.take("product", x.shape)
    np.take(_CODE, _place(x, factor, scratch), out=codes, mode="clip")
    return codes


def level_scale(groups: Groups, snap: Snap, search: Search) -> F32:
    """Scale s of each group, of either sign, that minimises Σw(x - s·v)².

    Each of `search.peaks` maps the value of largest magnitude to that multiple of s; refinements
    and nudges (relative changes of the scale) follow on the best so far.
    """
    inverse = reciprocal(signed_peak(groups.x))
    best = np.full(inverse.shape, -1, np.float32)
    scale = np.zeros(inverse.shape, np.float32)
    for position in search.peaks:
        snap(groups.x, inverse * np.float32(position), groups.codes)
        _keep_better(groups, best, scale)
    for stretch in (*[0.0] * search.refinements, *[nudge for nudge, _ in search.nudges]):
        snap(groups.x, reciprocal(scale * np.float32(1 + stretch)), groups.codes)
        _keep_better(groups, best, scale)
    return scale


def _keep_better(groups: Groups, best: F32, scale: F32) -> None:
    """Solve for the scale of the levels; where it explains more than `best`, take it over."""
    product = groups.mean_product()
    solved = product / np.maximum(groups.mean_square(), TINY)
    gain = product * solved
    take_over(gain > best, (best, gain), (scale, solved))


@dataclass(frozen=True, slots=True)
class LevelBlocks:
    """x ≈ d·scales·v; d (n,), scales (groups, n)."""

    d: F32
    scales: F32


def fit_level_blocks(groups: Groups, snap: Snap, reach: int, search: Search) -> LevelBlocks:
    """Fit d and integer scales -reach..reach-1 to x (elements, groups, n).

    Starts from the groups' own scales. A round tries `search.steps` on each integer scale and
    re-fits d by least squares; both are accepted only where they lower the error.
    """
    fit = _LevelFit(groups, snap, reach)
    fit.start(level_scale(groups, snap, search))
    for _ in range(search.rounds):
        for step, _unused in search.steps:
            fit.attempt(fit.scales + np.float32(step))
        fit.refit()
    return LevelBlocks(fit.d, fit.scales)


class _LevelFit:
    """State of a fit of super-blocks."""

    def __init__(self, groups: Groups, snap: Snap, reach: int) -> None:
        self.groups, self.snap, self.reach = groups, snap, reach
        self.best = np.full(groups.x.shape[1:], -1, np.float32)

    def start(self, scale: F32) -> None:
        """The group scale of largest magnitude becomes -reach; integers by rounding."""
        self.d = half_round(signed_peak(scale) / np.float32(-self.reach))
        self.scales = self._integer(scale)

    def _integer(self, scale: F32) -> F32:
        values = scale * reciprocal(self.d)
        np.rint(values, out=values)
        return values.clip(np.float32(-self.reach), np.float32(self.reach - 1), out=values)

    def _means(self, scales: F32) -> tuple[F32, F32]:
        """Means of v² and v·x for integer scales."""
        groups = self.groups
        self.snap(groups.x, reciprocal(scales * self.d), groups.codes)
        return groups.mean_square(), groups.mean_product()

    @staticmethod
    def _gain(scale: F32, square: F32, product: F32) -> F32:
        gain: F32 = scale * (product + product - scale * square)
        return gain

    def attempt(self, scales: F32) -> None:
        """Round with these integers, solve, snap to an integer; keep it where better."""
        square, product = self._means(scales)
        snapped = self._integer(product / np.maximum(square, TINY))
        gain = self._gain(snapped * self.d, square, product)
        take_over(gain > self.best, (self.best, gain), (self.scales, snapped))

    def refit(self) -> None:
        """Re-fit d to the levels of the current integers."""
        square, product = self._means(self.scales)
        heavy = self.scales * self.groups.weight
        above = tree_sum(heavy * product)
        below = tree_sum(heavy * self.scales * square)
        d = half_round(above / np.maximum(below, TINY))
        old = self._gain(self.scales * self.d, square, product)
        new = self._gain(self.scales * d, square, product)
        weight = self.groups.weight
        better = tree_sum(new * weight) > tree_sum(old * weight)
        take_over(better, (self.d, d))
        self.best = self._gain(self.scales * self.d, square, product)
