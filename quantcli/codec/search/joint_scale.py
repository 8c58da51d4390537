"""The first super-scale of a super-block, chosen with all candidates of its groups in mind.

With codes fixed, a group explains 2s·P - s²·Q at scale s, P and Q being sums (or means) of w·code·x
and w·code². Every candidate of a group, that is every way to choose its codes, is thus two numbers,
and what the whole super-block explains with some super-scale d costs no pass over the values: each
group takes the candidate that is best at a scale that d allows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from quantcli.codec.layout.bits import F32, TINY, reciprocal, tree_sum
from quantcli.codec.search.scale import take_over


class Candidates:
    """P and Q of some ways to choose the codes of every group, arrays (groups, super-blocks)."""

    def __init__(self) -> None:
        self._products: list[F32] = []
        self._squares: list[F32] = []

    def add(self, product: F32, square: F32) -> None:
        """Add one candidate of every group."""
        self._products.append(product.copy())
        self._squares.append(square.copy())

    def super_scale(
        self, trials: list[F32], snap: Callable[[F32], F32], weight: F32 | np.float32
    ) -> tuple[F32, F32]:
        """The super-scale that explains most, and the groups' integer scales that go with it.

        Args:
            trials: super-scales (super-blocks,); the first is kept where none explains anything.
            snap: rounds scales in units of a super-scale to integers that can be stored, in place.
            weight: what P and Q of a group (groups, super-blocks) are to be multiplied with.
        """
        square = np.stack(self._squares)
        twice = np.stack(self._products)
        solved = twice / np.maximum(square, TINY)
        twice += twice
        best = trials[0].copy()
        most = np.full(best.shape, -np.inf, np.float32)
        for trial in trials:
            gain = _gain(trial * snap(solved * reciprocal(trial)), twice, square)
            total = tree_sum(np.max(gain, axis=0) * weight)
            take_over(total > most, (most, total), (best, trial))
        integers = snap(solved * reciprocal(best))
        gains = _gain(best * integers, twice, square)
        chosen, most = integers[0], gains[0]
        for integer, gain in zip(integers[1:], gains[1:], strict=True):
            take_over(gain > most, (most, gain), (chosen, integer))
        return best, chosen


def _gain(scale: F32, twice: F32, square: F32) -> F32:
    """What codes explain at a scale, from 2P and Q."""
    gain: F32 = scale * square
    np.subtract(twice, gain, out=gain)
    np.multiply(gain, scale, out=gain)
    return gain
