"""Blocks that a format holds exactly: values that were decoded from the same format.

The searches minimise an error, and find the very scales of a decoded block by luck only. Here they
are recovered, so that encoding the float32 values of a decoded block loses nothing. (Values that
went through float16 or bfloat16 are rounded, so they are values like any others.)

A screen over a few values of every block lets practically nothing pass but decoded blocks: the
ratio of two values (or differences of values) of a group must be that of two codes. Then:

- All values of a group over its largest must be ratios of codes. This leaves few levels v, its
  "tops", for the largest.
- In the group with the least choice, d = x/(s·v) is to be a float16 for a scale s. It must give the
  largest values of the other groups too.
- With a minimum, x above is the difference to the smallest value. The code of that smallest value,
  its `start`, then gives dmin·m, and the group with the least choice gives dmin as it gave d.
  Decoding rounds sums to float32, so all this holds up to half a unit in the last place.

A block found so replaces the searched one only if it decodes to the same bits. Out of reach are
minimums that drown the codes: float32 keeps too little of d·s·v - dmin·m where |dmin| > 2¹³·|d|·s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from quantcli.codec.bits import F32, U8, Blocks, has_nonfinite

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


def _none() -> F32:
    return np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class Parts:
    """The numbers that a format's blocks store; what it lacks is empty.

    Attributes:
        codes: (elements of a group, groups, n), from 0.
        d: (n,), a float16 value.
        scales: (groups, n), integers.
        dmin: (n,), a float16 value; minus the minimum where the format has one per group.
        mins: (groups, n), integers.
    """

    codes: U8
    d: F32
    scales: F32 = field(default_factory=_none)
    dmin: F32 = field(default_factory=_none)
    mins: F32 = field(default_factory=_none)


Pack = Callable[[Parts, Blocks], None]
Decode = Callable[[Blocks, F32], None]


@dataclass(frozen=True, slots=True)
class Exact:
    """What values a block can hold: x = d·s·v - dmin·m.

    Attributes:
        levels: v by code, ascending.
        pack: writes the parts of blocks.
        scales: least and largest integer s.
        mins: least and largest integer m; both 0 for formats without minimum.
    """

    levels: tuple[int, ...]
    pack: Pack
    scales: tuple[int, int] = (1, 1)
    mins: tuple[int, int] = (0, 0)

    @property
    def has_min(self) -> bool:
        """Whether the format subtracts a minimum; its levels then are 0, 1, 2, ..."""
        return self.mins != (0, 0)


# Ratios are looked up in a table of this many steps from 0 to 1. Those of any format are at least
# two steps apart.
_STEPS = np.float32(8192)
# Error of a ratio in float32, generously.
_BLUR = np.float32(2.0**-21)
# Values of every block that the screen looks at.
_LOOK = 8
# Weights examined together, and rows of (block, d, group, code) where there is a minimum.
_PIECE, _ROWS = 1 << 17, 1 << 16


@dataclass(frozen=True, slots=True)
class _Effort:
    """How far to look in a block.

    Attributes:
        tops: of the levels that the largest value of a group may stand for, how many are tried.
        many: candidates for d from one group.
        some: of those that suit all groups, how many are tried with a minimum.
        mins: candidates for dmin for each of these.
        starts: whether the smallest value above a minimum may have any code, or a likely one.
    """

    tops: int
    many: int
    some: int
    mins: int
    starts: bool


# Nearly all blocks need no more than the first.
_EFFORTS = (
    _Effort(tops=8, many=512, some=4, mins=32, starts=False),
    _Effort(tops=64, many=1 << 14, some=64, mins=512, starts=True),
)


def suspects(exact: Exact, x: F32) -> I64:
    """Indices of the blocks x (n, groups, elements of a group) that are worth a closer look.

    The first values of a block decide, in a dozen operations on (n,).
    """
    index = np.flatnonzero(_plausible(exact, x[:, 0, :3]))
    if len(index):
        index = index[_plausible(exact, x[index, 0, 3:6])]
    return index


def _plausible(exact: Exact, x: F32) -> Mask:
    """Mark the groups of which the values x (n, 3) may be decoded ones."""
    one, other = x[:, 0], x[:, 1]
    blur = np.full(1, _BLUR)
    if exact.has_min:
        base = x[:, 2]
        one, other = one - base, other - base
        blur = blur * np.abs(base) / np.maximum(np.abs(one), np.abs(other)) + blur
    ratio = np.abs(one / other)
    np.minimum(ratio, 1 / ratio, out=ratio)
    far = _look_up(_ratios(exact.levels).sizes, ratio, blur)[1]
    return ~far  # also 0/0


def restore(exact: Exact, decode: Decode, x: F32, index: I64, blocks: Blocks) -> None:
    """Replace blocks that do not decode to x by blocks that do, where such are found.

    Args:
        exact: what the format holds.
        decode: its decoder.
        x: values (n, groups, elements of a group); NaN and infinity count as 0.
        index: the blocks to look at, from `suspects`.
        blocks: (n,), as a search encoded them; changed in place, each by its own values alone.
    """
    step = max(1, _PIECE // (x.shape[1] * x.shape[2]))
    for start in range(0, len(index), step):
        place = index[start : start + step]
        values = x[place]
        if has_nonfinite(values):
            values[~np.isfinite(values)] = 0
        likely = _screen(exact, values)
        if len(likely):
            found = blocks[place[likely]]
            _replace(exact, decode, values[likely], found)
            blocks[place[likely]] = found


def _screen(exact: Exact, x: F32) -> I64:
    """Indices of the blocks x (n, groups, elements) whose first group may be a decoded one.

    Blocks of nothing but +0 are left out: any search encodes them exactly.
    """
    index = np.flatnonzero(_Groups(exact, x[:, :1, :_LOOK]).possible)
    index = index[x[index].view(np.uint32).any(axis=(1, 2))]
    if len(index):
        index = index[_Groups(exact, x[index, :1]).possible]
    return index


def _replace(exact: Exact, decode: Decode, x: F32, blocks: Blocks) -> None:
    """Replace what is found of blocks (n,) that should decode to x (n, groups, elements)."""
    lossy = np.arange(len(x))
    # with a minimum no scale is negative: for a negative d, x is turned over
    for effort, sign in product(_EFFORTS, (1, -1) if exact.has_min else (1,)):
        lossy = lossy[~_same(decode, blocks[lossy], x[lossy])]
        solved = np.zeros(len(lossy), np.bool_)
        for block, parts in _solutions(exact, x[lossy], sign, effort, solved):
            trial = np.zeros(len(block), blocks.dtype)
            exact.pack(parts, trial)
            same = _same(decode, trial, x[lossy[block]])
            blocks[lossy[block[same]]] = trial[same]
            solved[block[same]] = True


def _same(decode: Decode, blocks: Blocks, x: F32) -> Mask:
    """Mark the blocks (n,) that decode to the bits of x (n, groups, elements)."""
    if not len(blocks):
        return np.zeros(0, np.bool_)
    decoded = np.empty_like(x)
    decode(blocks, decoded.reshape(len(x), -1))
    same: Mask = (decoded.view(np.uint32) == x.view(np.uint32)).all(axis=(1, 2))
    return same


@dataclass(frozen=True, slots=True)
class _Ratios:
    """Ratios u/v of levels, |u| ≤ |v|; tables (16385,) over 8192·ratio + 8192.

    Attributes:
        tops: levels v that may be the largest in magnitude of a group, from the largest on, where
            most encoders put it; at the end NaN for "none".
        nearest: the nearest ratio.
        allowed: bit i: it is the ratio of a level to tops[i].
        sizes: the nearest ratio of magnitudes |u|/|v|.
        positive: bits of the positive tops.
    """

    tops: F64
    nearest: F32
    allowed: U64
    sizes: F32
    positive: np.uint64


@cache
def _ratios(levels: tuple[int, ...]) -> _Ratios:
    tops = sorted((v for v in levels if v), key=abs, reverse=True)
    bits: dict[float, int] = {}
    for i, top in enumerate(tops):
        for level in levels:
            if abs(level) <= abs(top):
                bits[level / top] = bits.get(level / top, 0) | 1 << i
    values = np.array(sorted(bits))
    sizes = np.unique(np.abs(values))
    nearest = _nearest(values)
    return _Ratios(
        np.array([*tops, np.nan]),
        values.astype(np.float32)[nearest],
        np.array([bits[value] for value in values], np.uint64)[nearest],
        sizes.astype(np.float32)[_nearest(sizes)],
        np.uint64(sum(1 << i for i, top in enumerate(tops) if top > 0)),
    )


@cache
def _multiples(exact: Exact) -> U64:
    """Bits of the tops v of which each of -reach, ..., reach is a multiple s·v (2·reach + 1,)."""
    tops = _ratios(exact.levels).tops[:-1].astype(np.int64)
    scales = _nonzero(exact.scales).astype(np.int64)
    reach = int(np.max(np.abs(tops)) * np.max(np.abs(scales)))
    bits = np.zeros(2 * reach + 1, np.uint64)
    for i, top in enumerate(tops):
        bits[scales * top + reach] |= np.uint64(1 << i)
    return bits


def _nonzero(limits: tuple[int, int]) -> F64:
    """All integers within limits but 0."""
    return np.array([i for i in range(limits[0], limits[1] + 1) if i], np.float64)


def _nearest(values: F64) -> I64:
    """Index of the value nearest to -1, ..., 1 in steps of 1/8192 (16385,); values ascend."""
    places = np.arange(-_STEPS, _STEPS + 1) / _STEPS
    index: I64 = np.searchsorted((values[1:] + values[:-1]) / 2, places)
    return index


def _look_up(nearest: F32, ratio: F32, blur: F32) -> tuple[I64, Mask]:
    """Where in a table ratios -1..1 are, and whether one is farther than `blur` from its value."""
    place = (ratio * _STEPS + (_STEPS + np.float32(0.5))).astype(np.int64)
    return place, np.abs(ratio - np.take(nearest, place, mode="clip")) > blur


def _lowest_bit(bits: U64) -> I64:
    """Index of the lowest bit set, -1 for none."""
    lowest = bits & (~bits + np.uint64(1))
    index: I64 = np.frexp(lowest.astype(np.float64))[1].astype(np.int64) - 1
    return index


def _each_bit(bits: U64, most: int) -> I64:
    """Indices of the first `most` bits set (up to most, ...), -1 where fewer."""
    found: list[I64] = []
    while not found or (len(found) < most and bits.any()):
        found.append(_lowest_bit(bits))
        bits = bits & (bits - np.uint64(1))
    return np.array(found)


class _Groups:
    """Groups of suspected blocks, and what their largest values may stand for.

    Attributes:
        exact: what the format holds.
        x: the values (elements, groups, n).
        y: the values over the smallest where there is a minimum, else x.
        flat: (groups, n), whether y is zero throughout.
        peak: (groups, n), y of largest magnitude; 1 if flat.
        slack: (groups, n), what rounding may have changed `peak` by.
        bits: (groups, n), the tops that are possible; none if flat.
        possible: (n,), whether no group is impossible.
    """

    def __init__(self, exact: Exact, x: F32) -> None:
        self.exact = exact
        self.x: F32 = np.ascontiguousarray(x.T)
        self.ratios = _ratios(exact.levels)
        low, high = np.min(self.x, axis=0), np.max(self.x, axis=0)
        if exact.has_min:
            self.y: F32 = self.x - low
            self.peak: F64 = high.astype(np.float64) - low
            self.slack: F64 = _ulp(np.maximum(-low, high))
        else:
            self.y = self.x
            self.peak = np.where(high > -low, high, low).astype(np.float64)
            self.slack = np.zeros_like(self.peak)
        self.flat: Mask = self.peak == 0
        self.peak[self.flat] = 1
        top: F32 = self.peak.astype(np.float32)
        blur: F32 = (2 * self.slack / np.abs(self.peak)).astype(np.float32) + _BLUR
        place, far = _look_up(self.ratios.nearest, self.y / top, blur)
        allowed = np.take(self.ratios.allowed, place, mode="clip")
        allowed[far] = 0
        self.bits: U64 = np.bitwise_and.reduce(allowed, axis=0)
        self.bits[self.flat] = 0
        if not exact.has_min:
            self._heed_zeros()
        self.possible: Mask = ((self.bits != 0) | self.flat).all(axis=0)

    def _heed_zeros(self) -> None:
        """A zero has the sign of the group's scale; drop the tops of the other sign."""
        zero, negative = self.x == 0, np.signbit(self.x)
        positive = np.where(self.peak > 0, self.ratios.positive, ~self.ratios.positive)
        for some, bits in ((zero & ~negative), positive), ((zero & negative), ~positive):
            self.bits = np.where(some.any(axis=0), self.bits & bits, self.bits)

    def from_easiest(self) -> I64:
        """Groups (groups, n) from the one that leaves the fewest candidates for d on."""
        count = np.unpackbits(self.bits[..., None].view(np.uint8), axis=-1).sum(axis=-1)
        size = np.abs(self.peak)
        cost = count * (1 + 2.0**12 * self.slack / size)  # float16 values within the slack
        cost[self.bits == 0] = np.inf
        order: I64 = np.lexsort((-size, cost), axis=0)
        return order

    def explain(self, group: I64, block: I64, d: F64) -> tuple[F64, U64]:
        """The peaks as multiples s·v of d, and bits of the tops v that are possible."""
        peak = self.peak[group, block]
        multiple = np.rint(peak / d)
        bits = _tops_of(self.exact, multiple) & self.bits[group, block]
        return multiple, bits * (np.abs(multiple * d - peak) <= self.slack[group, block])


def _tops_of(exact: Exact, multiple: F64) -> U64:
    """Bits of the tops v of which integers are a multiple s·v."""
    table = _multiples(exact)
    bits: U64 = np.take(table, (multiple + len(table) // 2).astype(np.int64), mode="clip")
    return bits * (np.abs(multiple) <= len(table) // 2)


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

    def parts(self, groups: _Groups, pick: I64, sign: int) -> Parts:
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


def _solutions(
    exact: Exact, x: F32, sign: int, effort: _Effort, solved: Mask
) -> Iterator[tuple[I64, Parts]]:
    """Candidates for blocks x (n, groups, elements) not yet solved, at most one of each at a time.

    Yields indices of blocks and their parts; the caller marks in `solved` (n,) what is done.
    """
    if not len(x):
        return
    groups = _Groups(exact, x * np.float32(sign))
    for choice in _choices(groups, effort, solved):
        rank = _rank(choice.block)
        for attempt in range(rank.max(initial=-1) + 1):
            pick = np.flatnonzero((rank == attempt) & ~solved[choice.block])
            if not len(pick):
                break
            yield choice.block[pick], choice.parts(groups, pick, sign)


def _rank(key: I64) -> I64:
    """How many of the same sorted key come before."""
    rank: I64 = np.arange(len(key)) - np.searchsorted(key, key)
    return rank


def _divisors(groups: _Groups, effort: _Effort) -> tuple[I64, F64]:
    """Candidates for d that suit all groups of a block: (block, d), by ascending block."""
    order = groups.from_easiest()
    pairs = [_flat_divisors(groups), *_divisors_of(groups, order[0], effort)]
    block, d = (np.concatenate(part) for part in zip(*pairs, strict=True))
    sort = np.argsort(block, kind="stable")
    block, d = block[sort], d[sort]
    few = _rank(block) < effort.many
    block, d = block[few], d[few]
    for group in order[1:]:
        good = groups.explain(group[block], block, d)[1] != 0
        good |= groups.flat[group[block], block]
        block, d = block[good], d[good]
    few = _rank(block) < effort.some
    return block[few], d[few]


def _divisors_of(groups: _Groups, group: I64, effort: _Effort) -> Iterator[tuple[I64, F64]]:
    """Candidates for d from one group of each block: (block, d)."""
    at = np.flatnonzero(groups.possible & ~groups.flat.all(axis=0))
    group = group[at]
    tops = groups.ratios.tops[_each_bit(groups.bits[group, at], effort.tops)]
    factor = tops.T[:, :, None] * _nonzero(groups.exact.scales)
    peak, slack = groups.peak[group, at][:, None, None], groups.slack[group, at][:, None, None]
    near = (peak / factor).astype(np.float16)
    halves = [near]
    if groups.exact.has_min:
        halves += [np.nextafter(near, np.float16(end)) for end in (-np.inf, np.inf)]
    for half in halves:
        d = half.astype(np.float64)
        block, top, scale = np.nonzero((np.abs(d * factor - peak) <= slack) & (d != 0))
        yield at[block], d[block, top, scale]


def _flat_divisors(groups: _Groups) -> tuple[I64, F64]:
    """Candidates for d where every group is constant: 0, and those that give the largest value."""
    at = np.flatnonzero(groups.flat.all(axis=0))
    multiple = np.arange(len(_multiples(groups.exact)) // 2 + 1, dtype=np.float64)
    if not groups.exact.has_min:
        multiple = multiple[:1]
    multiple = multiple[(multiple == 0) | (_tops_of(groups.exact, multiple) != 0)]
    value = np.max(groups.x[0][:, at], axis=0).astype(np.float64)[:, None]
    d = (value / multiple).astype(np.float16).astype(np.float64)
    d[:, 0] = 0
    block, place = np.nonzero((d * multiple == value) & (d > 0) | (multiple == 0))
    return at[block], d[block, place]


def _choices(groups: _Groups, effort: _Effort, solved: Mask) -> Iterator[_Choices]:
    """Complete candidates for the blocks not yet `solved` (n,)."""
    block, d = _divisors(groups, effort)
    if not groups.exact.has_min:
        yield _without_min(groups, block, d)
        return
    size = groups.flat.shape[0] * (groups.exact.levels[-1] if effort.starts else 3)
    step = max(1, _ROWS // size)
    rank = _rank(block)
    for first in range(0, effort.some, 2):
        some = np.flatnonzero((rank // 2 == first // 2) & ~solved[block])
        for start in range(0, len(some), step):
            part = some[start : start + step]
            rows = _Rows(groups, block[part], d[part], any_start=effort.starts)
            yield rows.choices(*rows.divisors(effort.mins))


def _without_min(groups: _Groups, block: I64, d: F64) -> _Choices:
    """The candidates with the first top that is possible in each group."""
    multiple, bits = groups.explain(np.arange(len(groups.flat))[:, None], block, d)
    flat = groups.flat[:, block]
    tops = np.where(flat, 0, groups.ratios.tops[_lowest_bit(bits)])
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

    def __init__(self, groups: _Groups, block: I64, d: F64, *, any_start: bool) -> None:
        self._groups, self._block, self._d = groups, block, d
        multiple, bits = groups.explain(np.arange(len(groups.flat))[:, None], block, d)
        top = groups.ratios.tops[_each_bit(bits, 64)]
        scale = multiple / top
        highest = groups.exact.levels[-1]
        if any_start:
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
        y, x = (np.take(a.reshape(len(a), -1), at, axis=1) for a in (groups.y, groups.x))
        code = np.rint(y * (top / groups.peak.reshape(-1)[at])) + start
        low = self._d[candidate] * scale * code - x
        slack = _ulp(x) / 2 + np.abs(low) * 2.0**-50
        least, most = np.max(low - slack, axis=0), np.min(low + slack, axis=0)
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
        mins = _nonzero(self._groups.exact.mins)
        dmin = (low / mins).astype(np.float16).astype(np.float64)
        row, place = np.nonzero(np.abs(dmin * mins - low) <= slack)
        candidate = np.concatenate([none, candidate[row]])
        order = np.argsort(candidate, kind="stable")
        candidate = candidate[order]
        dmin = np.concatenate([np.zeros(len(none)), dmin[row, place]])[order]
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
        m = np.where(dmin[at] == 0, least, np.rint(self.low[row] / dmin[at]))
        good = np.abs(m * dmin[at] - self.low[row]) <= self.slack[row]
        good = np.flatnonzero(good & (m >= least) & (m <= most))
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
        tops = self._groups.ratios.tops[_lowest_bit(_tops_of(exact, multiple))]
        tops[multiple == 0] = 0
        good = (np.abs(multiple * d - dmin * mins - value) <= _ulp(value) / 2) & np.isfinite(tops)
        first = good.argmax(axis=0), np.arange(len(at))
        top = tops[first]
        scale = np.where(top == 0, 0, multiple[first] / top)
        ways = np.array([scale, mins[first[0], 0], np.zeros_like(top), top])
        good = good[first]
        return at[good], ways[:, good]


def _ulp(x: F32) -> F64:
    """Distance of |x| to the next float32."""
    distance: F64 = np.spacing(np.abs(x)).astype(np.float64)
    return distance
