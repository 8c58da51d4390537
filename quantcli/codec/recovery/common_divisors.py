"""Scales that give the values of blocks exactly: common divisors that are float16 numbers.

See `quantcli.codec.recovery.recover` for the idea.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from quantcli.codec.layout.bits import F32
from quantcli.codec.layout.block_parts import Exact, Parts
from quantcli.codec.recovery.value_ratios import (
    F64,
    I64,
    U64,
    Groups,
    Mask,
    count_bits,
    each_bit,
    lowest_bit,
    multiples_of,
    nonzero,
    rounding,
    tops_of,
    ulp,
)

# Bits of a float64 mantissa that float16 lacks.
_BEYOND_HALF = (1 << 42) - 1
# Rows (block, d, group, code) examined together.
_ROWS = 1 << 14


@dataclass(frozen=True, slots=True)
class Effort:
    """How far to look in a block.

    Attributes:
        tops: of the levels that the largest value of a group may stand for, how many are tried.
        many: candidates for d from one group.
        some: of those that suit all groups, how many are tried with a minimum.
        mins: candidates for dmin for each of these.
        thorough: whether the smallest value above a minimum may have any code, not only a likely
            one, and all values of a group tell its minimum, not only the most precise one.
    """

    tops: int
    many: int
    some: int
    mins: int
    thorough: bool


# Nearly all blocks need no more than the first.
EFFORTS = (
    Effort(tops=8, many=512, some=4, mins=32, thorough=False),
    Effort(tops=64, many=1 << 14, some=64, mins=512, thorough=True),
)


@dataclass(frozen=True, slots=True)
class _Choices:
    """Complete candidates (c,), by ascending block.

    Attributes:
        block, d, dmin: (c,).
        scales, mins, tops: (groups, c).
        starts: (groups, c), code of the smallest value where there is a minimum.
    """

    block: I64
    d: F64
    dmin: F64
    scales: F64
    mins: F64
    tops: F64
    starts: F64

    def parts(self, groups: Groups, pick: I64, sign: int) -> Parts:
        """What the candidates picked store, for sign·x."""
        block, d, dmin = self.block[pick], sign * self.d[pick], sign * self.dmin[pick]
        step = (self.tops[:, pick] / groups.peak[:, block]).astype(np.float32)
        level = groups.y[:, :, block] * step
        np.rint(level, out=level)
        level += self.starts[:, pick].astype(np.float32)
        levels = np.array(groups.exact.levels)
        if not groups.exact.has_min:
            # a scale of zero: zeros have the sign of their level and d
            above, below = levels[levels >= 0][0], levels[levels < 0][-1]
            zeros = np.where(np.signbit(groups.x[:, :, block]) == (d < 0), above, below)
            level = np.where(groups.flat[:, block], zeros, level)
        code = np.zeros(levels[-1] - levels[0] + 1, np.uint8)
        code[levels - levels[0]] = np.arange(len(levels))
        return Parts(
            np.take(code, level.astype(np.int64) - levels[0], mode="clip"),
            d.astype(np.float32),
            self.scales[:, pick].astype(np.float32),
            dmin.astype(np.float32),
            self.mins[:, pick].astype(np.float32),
        )


def solutions(
    exact: Exact, x: F32, sign: int, effort: Effort, done: Mask
) -> Iterator[tuple[I64, Parts]]:
    """Candidates for blocks x (n, groups, elements), at most one of each at a time.

    Yields indices of blocks and their parts. What is `done` (n,) is left out: the caller marks what
    is solved, this function what has no solution at any effort.
    """
    if not len(x):
        return
    groups = Groups(exact, x * np.float32(sign))
    for choice in _choices(groups, effort, done):
        rank = _rank(choice.block)
        for attempt in range(rank.max(initial=-1) + 1):
            pick = np.flatnonzero((rank == attempt) & ~done[choice.block])
            if not len(pick):
                break
            yield choice.block[pick], choice.parts(groups, pick, sign)


def _rank(key: I64) -> I64:
    """How many of the same sorted key come before."""
    rank: I64 = np.arange(len(key)) - np.searchsorted(key, key)
    return rank


def _divisors(groups: Groups, effort: Effort, done: Mask) -> tuple[I64, F64]:
    """Candidates for d that suit all groups of a block: (block, d), by ascending block.

    Marks in `done` (n,) the blocks that have none at any effort.
    """
    order = groups.from_easiest()
    easiest = groups.bits[order[0], np.arange(len(done))]
    easiest &= ~(easiest << np.uint64(1) & groups.ratios.opposite)  # as good as the one before
    pairs = [_flat_divisors(groups), _divisors_of(groups, order[0], easiest, effort)]
    block, d = (np.concatenate(part) for part in zip(*pairs, strict=True))
    sort = np.argsort(block, kind="stable")
    block, d = block[sort], d[sort]
    few = _rank(block) < effort.many
    partial = count_bits(easiest) > effort.tops
    partial[block[~few]] = True
    block, d = block[few], d[few]
    for group in order[1:]:
        good = groups.explain(group[block], block, d)[1] != 0
        good |= groups.flat[group[block], block]
        block, d = block[good], d[good]
    done |= ~partial & (np.bincount(block, minlength=len(done)) == 0)
    few = _rank(block) < effort.some
    return block[few], d[few]


def _divisors_of(groups: Groups, group: I64, bits: U64, effort: Effort) -> tuple[I64, F64]:
    """Candidates for d from one group (n,) of each block and its tops: (block, d)."""
    at = np.flatnonzero(groups.possible & ~groups.flat.all(axis=0))
    group = group[at]
    tops = groups.ratios.tops[each_bit(bits[at], effort.tops)]
    most = max(-groups.exact.scales[0], groups.exact.scales[1])
    factor = tops[:, None] * np.arange(1.0, most + 1)[:, None]  # (tops, scales, n)
    peak, slack = groups.peak[group, at], groups.slack[group, at]
    factor = factor.reshape(factor.shape[0] * factor.shape[1], len(at))
    block, d = _halves(peak[:, None], factor.T, slack[:, None])
    if not groups.exact.has_min:  # s or the top may as well have the other sign
        block, d = np.repeat(block, 2), np.stack([d, -d], axis=-1).reshape(-1)
    return at[block], d


def _halves(value: F64, factor: F64, slack: F64) -> tuple[I64, F64]:
    """Float16 numbers but 0 that, times a factor, give a value up to the slack.

    The arguments broadcast to (n, k). Returns which of n, ascending, and the number; where the
    slack is larger than float16's spacing the nearest number and its neighbours.
    """
    quotient = value / factor
    if not slack.any():  # very few have no more bits than float16
        good = np.nonzero(quotient.view(np.int64) & _BEYOND_HALF == 0)
        found = quotient[good]
        back = found * np.broadcast_to(factor, quotient.shape)[good]
        fits = (found.astype(np.float16) == found) & (found != 0) & (back == value[good[0], 0])
        return good[0][fits], found[fits]
    near = quotient.astype(np.float16)
    halves = [near, *(np.nextafter(near, np.float16(end)) for end in (-np.inf, np.inf))]
    found = np.stack(halves, axis=-1).astype(np.float64)
    fits = np.abs(found * factor[..., None] - value[..., None]) <= slack[..., None]
    good = np.nonzero(fits & (found != 0))
    return good[0], found[good]


def _flat_divisors(groups: Groups) -> tuple[I64, F64]:
    """Candidates for d where every group is constant: 0, and those that give the largest value."""
    at = np.flatnonzero(groups.flat.all(axis=0))
    multiple = np.arange(len(multiples_of(groups.exact)) // 2 + 1, dtype=np.float64)
    if not groups.exact.has_min:
        multiple = multiple[:1]
    multiple = multiple[(multiple == 0) | (tops_of(groups.exact, multiple) != 0)]
    value = np.max(groups.x[0][:, at], axis=0).astype(np.float64)[:, None]
    d = (value / multiple).astype(np.float16).astype(np.float64)
    d[:, 0] = 0
    block, place = np.nonzero((d * multiple == value) & (d > 0) | (multiple == 0))
    return at[block], d[block, place]


def _choices(groups: Groups, effort: Effort, done: Mask) -> Iterator[_Choices]:
    """Complete candidates for the blocks not yet `done` (n,)."""
    block, d = _divisors(groups, effort, done)
    if not groups.exact.has_min:
        yield _without_min(groups, block, d)
        return
    size = groups.flat.shape[0] * (groups.exact.levels[-1] if effort.thorough else 3)
    step = max(1, _ROWS // size)
    rank = _rank(block)
    for first in range(0, effort.some, 2):
        some = np.flatnonzero((rank // 2 == first // 2) & ~done[block])
        for start in range(0, len(some), step):
            part = some[start : start + step]
            rows = _Rows(groups, block[part], d[part], thorough=effort.thorough)
            yield rows.choices(*rows.divisors(effort.mins))


def _without_min(groups: Groups, block: I64, d: F64) -> _Choices:
    """The candidates with the first top that is possible in each group."""
    multiple, bits = groups.explain(np.arange(len(groups.flat))[:, None], block, d)
    flat = groups.flat[:, block]
    tops = np.where(flat, 0, groups.ratios.tops[lowest_bit(bits)])
    scales = np.where(flat, 0, multiple / tops)
    zero = np.zeros_like(scales)
    return _Choices(block, d, np.zeros_like(d), scales, zero, tops, zero)


class _Rows:
    """Ways (r,) to explain the groups of candidates (c,) for d, by ascending candidate and group.

    Constant groups have none: they can be explained in too many ways, and are left to the end.

    Attributes:
        candidate, group: which.
        scale, top, start: the group's scale, the top of its y and the code of its least value.
        low: dmin·m, the middle of what is possible.
        slack: how far it may be from there.
    """

    def __init__(self, groups: Groups, block: I64, d: F64, *, thorough: bool) -> None:
        self._groups, self._block, self._d, self._thorough = groups, block, d, thorough
        multiple, bits = groups.explain(np.arange(len(groups.flat))[:, None], block, d)
        top = groups.ratios.tops[each_bit(bits, 64)]
        scale = multiple / top
        highest = groups.exact.levels[-1]
        if thorough:
            start = np.arange(highest + 1.0)[:, None, None, None] + np.zeros_like(top)
        else:  # the code of the smallest value is 0, or 1, or there is no minimum
            least = np.min(groups.x, axis=0)[:, block]
            start = np.array([np.zeros_like(top), np.ones_like(top), np.rint(least / (d * scale))])
        at = np.nonzero(((start >= 0) & (start + top <= highest)).transpose(3, 2, 1, 0))
        self._limit(at[0], at[1], scale[at[2::-1]], top[at[2::-1]], start[at[::-1]])

    def _limit(self, candidate: I64, group: I64, scale: F64, top: F64, start: F64) -> None:
        """Find what is left for dmin·m; keep the rows where anything is."""
        groups = self._groups
        at = np.ravel_multi_index((group, self._block[candidate]), groups.flat.shape)
        values = [groups.y, groups.x]
        if not self._thorough:  # the value that was rounded least
            least = np.abs(groups.x).argmin(axis=0)[None]
            values = [np.take_along_axis(a, least, axis=0) for a in values]
        y, x = (np.take(a.reshape(len(a), -1), at, axis=1) for a in values)
        code = np.rint(y * (top / groups.peak.reshape(-1)[at])) + start
        low = self._d[candidate] * scale * code
        low -= x
        below, above = rounding(x)
        least, most = np.max(low - above, axis=0), np.min(low + below, axis=0)
        keep = least <= most
        self.candidate, self.group = candidate[keep], group[keep]
        self._key = self.candidate * len(groups.flat) + self.group
        self.scale, self.top, self.start = scale[keep], top[keep], start[keep]
        self.low, self.slack = (least + most)[keep] / 2, (most - least)[keep] / 2

    def divisors(self, most: int) -> tuple[I64, F64]:
        """Candidates for dmin from one group each: (candidate, dmin), by ascending candidate.

        At most `most` for a candidate.
        """
        flat = self._groups.flat[:, self._block].T
        size = np.abs(self.low)
        choice = np.where(size <= self.slack, np.inf, 1 + 2.0**12 * self.slack / size)
        cost = np.bincount(self._key, choice, flat.size)
        cost = np.where(flat, np.inf, cost.reshape(flat.shape))
        easiest = cost.argmin(axis=1)
        needed: Mask = np.min(cost, axis=1) < np.inf
        rows = np.flatnonzero((self.group == easiest[self.candidate]) & needed[self.candidate])
        # where no group needs a minimum there is none, or constant groups are nothing but minimum
        none = np.flatnonzero(~needed)
        value = np.where(flat[none], self._groups.x[0][:, self._block[none]].T, np.inf).min(axis=1)
        candidate = np.concatenate([self.candidate[rows], none])
        low = np.concatenate([self.low[rows], -value.astype(np.float64)])[:, None]
        slack = np.concatenate([self.slack[rows], np.zeros(len(none))])[:, None]
        mins = nonzero(self._groups.exact.mins)
        row, dmin = _halves(low, mins, slack)
        candidate = np.concatenate([none, candidate[row]])
        order = np.argsort(candidate, kind="stable")
        candidate = candidate[order]
        dmin = np.concatenate([np.zeros(len(none)), dmin])[order]
        few = _rank(candidate) < most
        return candidate[few], dmin[few]

    def choices(self, candidate: I64, dmin: F64) -> _Choices:
        """The candidates with dmin that suit every group, with the first way to explain each."""
        groups = len(self._groups.flat)
        pair = np.arange(len(candidate))
        ways = np.zeros((groups, 4, len(pair)))  # scale, min, top, start
        for group in range(groups):
            good = np.zeros(len(pair), np.bool_)
            for explain in self._varied, self._constant:
                at, way = explain(group, candidate[pair], dmin[pair])
                ways[group][:, pair[at]] = way
                good[at] = True
            pair = pair[good]
        scale, m, top, start = ways[:, :, pair].transpose(1, 0, 2)
        chosen = candidate[pair]
        return _Choices(self._block[chosen], self._d[chosen], dmin[pair], scale, m, top, start)

    def _varied(self, group: int, candidate: I64, dmin: F64) -> tuple[I64, F64]:
        """Which pairs of candidate and dmin (k,) explain a group of several values, and how."""
        key = candidate * len(self._groups.flat) + group
        first, end = np.searchsorted(self._key, [key, key + 1])
        at = np.repeat(np.arange(len(key)), end - first)
        row = np.arange(len(at)) + np.repeat(end - np.cumsum(end - first), end - first)
        least, most = self._groups.exact.mins
        m = np.where(dmin[at] == 0, least, np.rint(self.low[row] / dmin[at]).clip(least, most))
        good = np.flatnonzero(np.abs(m * dmin[at] - self.low[row]) <= self.slack[row])
        good = good[_rank(at[good]) == 0]
        row = row[good]
        return at[good], np.array([self.scale[row], m[good], self.top[row], self.start[row]])

    def _constant(self, group: int, candidate: I64, dmin: F64) -> tuple[I64, F64]:
        """The same for constant groups."""
        block, exact = self._block[candidate], self._groups.exact
        at = np.flatnonzero(self._groups.flat[group, block])
        if not len(at):
            return at, np.zeros((4, 0))
        value, d, dmin = self._groups.x[0, group, block[at]], self._d[candidate[at]], dmin[at]
        mins = np.arange(exact.mins[0], exact.mins[1] + 1.0)[:, None]
        multiple = np.where(d == 0, 0, np.rint((value + dmin * mins) / d))
        tops = self._groups.ratios.tops[lowest_bit(tops_of(exact, multiple))]
        tops[multiple == 0] = 0
        good = (np.abs(multiple * d - dmin * mins - value) <= ulp(value) / 2) & np.isfinite(tops)
        first = good.argmax(axis=0), np.arange(len(at))
        top = tops[first]
        scale = np.where(top == 0, 0, multiple[first] / top)
        ways = np.array([scale, mins[first[0], 0], np.zeros_like(top), top])
        good = good[first]
        return at[good], ways[:, good]
