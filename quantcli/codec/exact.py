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
_PIECE, _ROWS = 1 << 15, 1 << 16
# Candidates for d tried per block, and codes of the smallest value: first the likely ones.
_TRIES = ((0, 2, 1), (0, 16, 31))


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
    for sign in (1, -1) if exact.has_min else (1,):
        lossy = lossy[~_same(decode, blocks[lossy], x[lossy])]
        solved = np.zeros(len(lossy), np.bool_)
        for block, parts in _solutions(exact, x[lossy], sign, solved):
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
        tops: levels v that may be the largest in magnitude of a group; at the end NaN for "none".
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
    tops = [v for v in levels if v]
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


def _nearest(values: F64) -> I64:
    """Index of the value nearest to -1, ..., 1 in steps of 1/8192 (16385,); values ascend."""
    places = np.arange(-_STEPS, _STEPS + 1) / _STEPS
    index: I64 = np.searchsorted((values[1:] + values[:-1]) / 2, places)
    return index


def _look_up(nearest: F32, ratio: F32, blur: F32) -> tuple[I64, Mask]:
    """Where in a table ratios -1..1 are, and whether one is farther than `blur` from its value."""
    place = (ratio * _STEPS + (_STEPS + np.float32(0.5))).astype(np.int64)
    return place, np.abs(ratio - np.take(nearest, place, mode="clip")) > blur


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

    def find_tops(self) -> None:
        """List the possible tops.

        Sets `tops` (most, groups, n), NaN where fewer, and `cost` (groups, n): the candidates for
        d per scale that a group leaves.
        """
        bits = self.bits.copy()
        found: list[I64] = []
        while not found or bits.any():
            lowest = bits & (~bits + np.uint64(1))
            found.append(np.frexp(lowest.astype(np.float64))[1] - 1)  # -1 for none
            bits ^= lowest
        self.tops: F64 = self.ratios.tops[np.array(found)]
        halves = 1 + 2.0**12 * self.slack / np.abs(self.peak)  # float16 values within the slack
        cost = np.count_nonzero(self.tops == self.tops, axis=0) * halves  # NaN is not itself
        self.cost: F64 = np.where(cost == 0, np.inf, cost)

    def scales(self, group: I64, block: I64, d: F64) -> tuple[F64, Mask]:
        """Scales (most, ...) that each top asks for, given d, and whether they are possible."""
        tops, peak = self.tops[:, group, block], self.peak[group, block]
        scale = np.rint(peak / (tops * d))
        least, most = self.exact.scales
        good = np.abs(scale * tops * d - peak) <= self.slack[group, block]
        good &= (scale >= least) & (scale <= most) & (scale != 0)
        return scale, good


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
        step = self.tops[:, pick] / groups.peak[:, block]
        level = np.rint(groups.y[:, :, block] * step) + self.starts[:, pick]
        levels = np.array(groups.exact.levels)
        if not groups.exact.has_min:
            # a scale of zero: zeros have the sign of their level and d
            above, below = levels[levels >= 0][0], levels[levels < 0][-1]
            zeros = np.where(np.signbit(groups.x[:, :, block]) == (d < 0), above, below)
            level = np.where(groups.flat[:, block], zeros, level)
        return Parts(
            np.searchsorted(levels, level).astype(np.uint8),
            d.astype(np.float32),
            self.scales[:, pick].astype(np.float32),
            dmin.astype(np.float32),
            self.mins[:, pick].astype(np.float32),
        )


def _solutions(exact: Exact, x: F32, sign: int, solved: Mask) -> Iterator[tuple[I64, Parts]]:
    """Candidates for blocks x (n, groups, elements) not yet solved, at most one of each at a time.

    Yields indices of blocks and their parts; the caller marks in `solved` (n,) what is done.
    """
    if not len(x):
        return
    groups = _Groups(exact, x * np.float32(sign))
    groups.find_tops()
    block, d = _divisors(groups)
    rank = _rank(block)
    for first, last, start in _TRIES:
        some = (rank >= first) & (rank < last) & ~solved[block]
        if not some.any():
            continue
        if exact.has_min:
            choices = _with_min(groups, block[some], d[some], start)
        else:
            choices = iter([_without_min(groups, block[some], d[some])])
        for choice in choices:
            order = _rank(choice.block)
            for attempt in range(order.max(initial=-1) + 1):
                pick = np.flatnonzero((order == attempt) & ~solved[choice.block])
                if not len(pick):
                    break
                yield choice.block[pick], choice.parts(groups, pick, sign)


def _rank(key: I64) -> I64:
    """How many of the same sorted key come before."""
    rank: I64 = np.arange(len(key)) - np.searchsorted(key, key)
    return rank


def _divisors(groups: _Groups) -> tuple[I64, F64]:
    """Candidates for d that suit all groups of a block: (block, d), by ascending block."""
    by_cost = np.argsort(groups.cost, axis=0, kind="stable")
    pairs = [_flat_divisors(groups), *_divisors_of(groups, by_cost[0])]
    block, d = (np.concatenate(part) for part in zip(*pairs, strict=True))
    order = np.argsort(block, kind="stable")
    block, d = block[order], d[order]
    for group in by_cost[1:]:
        good = groups.scales(group[block], block, d)[1].any(axis=0)
        good |= groups.flat[group[block], block]
        block, d = block[good], d[good]
    return block, d


def _divisors_of(groups: _Groups, group: I64) -> Iterator[tuple[I64, F64]]:
    """Candidates for d from one group of each block: (block, d)."""
    at = np.flatnonzero(groups.possible & ~groups.flat.all(axis=0))
    group = group[at]
    least, most = groups.exact.scales
    scales = np.array([s for s in range(least, most + 1) if s], np.float64)
    factor = groups.tops[:, group, at].T[:, :, None] * scales
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
    if not groups.exact.has_min:
        return at, np.zeros(len(at))
    value = np.max(groups.x[0][:, at], axis=0).astype(np.float64)[:, None]
    product = _products(groups.exact)[0]
    d = (value / product).astype(np.float16).astype(np.float64)
    d[:, 0] = 0
    block, place = np.nonzero((d * product == value) & (d > 0) | (product == 0))
    return at[block], d[block, place]


@cache
def _products(exact: Exact) -> F64:
    """What s·v can be: products, ascending from 0, and for each one s and v (3, products)."""
    pairs = {0: (0, 0)}
    for scale in range(1, exact.scales[1] + 1):
        for level in exact.levels[1:]:
            pairs.setdefault(scale * level, (scale, level))
    table: F64 = np.array([(product, *pairs[product]) for product in sorted(pairs)], np.float64).T
    return table


def _without_min(groups: _Groups, block: I64, d: F64) -> _Choices:
    """The candidates with the first top that is possible in each group."""
    group = np.arange(len(groups.flat))[:, None]
    scale, good = groups.scales(group, block, d)
    first = good.argmax(axis=0)[None]
    flat = groups.flat[:, block]
    scales = np.where(flat, 0, np.take_along_axis(scale, first, axis=0)[0])
    tops = np.where(flat, 0, np.take_along_axis(groups.tops[:, :, block], first, axis=0)[0])
    zero = np.zeros_like(scales)
    return _Choices(block, d, np.zeros_like(d), scales, zero, tops, zero)


def _with_min(groups: _Groups, block: I64, d: F64, start: int) -> Iterator[_Choices]:
    """The candidates with a minimum that suits all groups, least values of codes up to `start`."""
    scale, good = groups.scales(np.arange(len(groups.flat))[:, None], block, d)
    room = groups.exact.levels[-1] - groups.tops[:, :, block]
    ways = np.where(good, np.minimum(room, start) + 1, 0).astype(np.int64)
    batch = np.cumsum(ways.sum(axis=(0, 1))) // _ROWS
    for some in np.split(np.arange(len(block)), np.flatnonzero(np.diff(batch)) + 1):
        rows = _Rows(groups, block[some], d[some], scale[:, :, some], ways[:, :, some])
        yield rows.choices(*rows.divisors())


class _Rows:
    """Ways (r,) to explain the groups of candidates, by ascending candidate and group.

    Attributes:
        candidate, group: which.
        scale, top, start: the group's scale, the top of its y and the code of its least value.
        low: dmin·m, the middle of what is possible.
        slack: how far it may be from there.
    """

    def __init__(self, groups: _Groups, block: I64, d: F64, scale: F64, ways: I64) -> None:
        self._groups, self._block, self._d = groups, block, d
        candidate, group, option = np.nonzero(ways.transpose(2, 1, 0))
        count = ways[option, group, candidate]
        row = np.repeat(np.arange(len(count)), count)
        dense = np.array(
            [
                candidate,
                group,
                scale[option, group, candidate],
                groups.tops[option, group, block[candidate]],
            ]
        )[:, row]
        start = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        table = np.concatenate([np.concatenate([dense, start[None]]), self._flat()], axis=1)
        table = table[:, np.lexsort(table[1::-1])]
        self._fill(table)

    def _flat(self) -> F64:
        """Rows (5, r) of constant groups: all in dmin·m, or all in d·s·v."""
        candidate, group = np.nonzero(self._groups.flat[:, self._block].T)
        value = self._groups.x[0][group, self._block[candidate]].astype(np.float64)
        zero = np.zeros_like(value)
        low = np.array([candidate, group, zero, zero, zero])
        product, scale, level = _products(self._groups.exact)
        d = self._d[candidate]
        place = np.searchsorted(product, value / d).clip(max=len(product) - 1)
        other = (product[place] * d == value) & (value != 0)
        high = np.array([candidate, group, scale[place], zero, level[place]])
        return np.concatenate([low, high[:, other]], axis=1)

    def _fill(self, table: F64) -> None:
        """Find what is left for dmin·m in rows (5, r); keep those where it is possible."""
        candidate, group = table[:2].astype(np.int64)
        scale, top, start = table[2:]
        at = self._block[candidate]
        groups = self._groups
        code = np.rint(groups.y[:, group, at] * (top / groups.peak[group, at])) + start
        x = groups.x[:, group, at]
        low = self._d[candidate] * scale * code - x
        slack = _ulp(x) / 2 + np.abs(low) * 2.0**-50
        least, most = np.max(low - slack, axis=0), np.min(low + slack, axis=0)
        keep = least <= most
        self.candidate, self.group = candidate[keep], group[keep]
        self.scale, self.top, self.start = scale[keep], top[keep], start[keep]
        self.low, self.slack = (least + most)[keep] / 2, (most - least)[keep] / 2

    def divisors(self) -> tuple[I64, F64]:
        """Candidates for dmin from one group each: (candidate, dmin), by ascending candidate."""
        shape = len(self._block), len(self._groups.flat)
        key = self.candidate * shape[1] + self.group
        size = np.abs(self.low)
        choice = np.where(size <= self.slack, np.inf, 1 + 2.0**12 * self.slack / size)
        cost = np.bincount(key, choice, shape[0] * shape[1]).reshape(shape)
        easiest = cost.argmin(axis=1)
        needed: Mask = np.min(cost, axis=1) < np.inf
        rows = np.flatnonzero((self.group == easiest[self.candidate]) & needed[self.candidate])
        least, most = self._groups.exact.mins
        mins = np.array([m for m in range(least, most + 1) if m], np.float64)
        low, slack = self.low[rows][:, None], self.slack[rows][:, None]
        dmin = (low / mins).astype(np.float16).astype(np.float64)
        row, place = np.nonzero(np.abs(dmin * mins - low) <= slack)
        none = np.flatnonzero(~needed)
        candidate = np.concatenate([self.candidate[rows[row]], none])
        order = np.argsort(candidate, kind="stable")
        return candidate[order], np.concatenate([dmin[row, place], np.zeros(len(none))])[order]

    def choices(self, candidate: I64, dmin: F64) -> _Choices:
        """The candidates with dmin for which every group has a row; the first is taken."""
        groups = len(self._groups.flat)
        edges = np.searchsorted(self.candidate, np.arange(len(self._block) + 1))
        count = np.diff(edges)[candidate]
        pair = np.repeat(np.arange(len(candidate)), count)
        row = np.arange(len(pair)) + np.repeat(edges[candidate] - np.cumsum(count) + count, count)
        least, most = self._groups.exact.mins
        m = np.where(dmin[pair] == 0, least, np.rint(self.low[row] / dmin[pair]))
        good = np.abs(m * dmin[pair] - self.low[row]) <= self.slack[row]
        good &= (m >= least) & (m <= most)
        pair, row, m = pair[good], row[good], m[good]
        key = pair * groups + self.group[row]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        full = np.bincount(pair[first], minlength=len(candidate)) == groups
        first = first[full[pair[first]]]
        row, m = row[first].reshape(-1, groups).T, m[first].reshape(-1, groups).T
        chosen = candidate[full]
        return _Choices(
            self._block[chosen],
            self._d[chosen],
            dmin[full],
            self.scale[row],
            m,
            self.top[row],
            self.start[row],
        )


def _ulp(x: F32) -> F64:
    """Distance of |x| to the next float32."""
    distance: F64 = np.spacing(np.abs(x)).astype(np.float64)
    return distance
