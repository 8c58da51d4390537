"""What the values of a group may stand for, told from their ratios.

All values of a group over the largest are ratios of levels; few levels, its "tops", can be the
largest then. With a minimum the same holds for the differences to the smallest value.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from quantcli.codec.layout.bits import F32
from quantcli.codec.layout.block_parts import Exact

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

# Ratios are looked up in a table of this many steps from 0 to 1. Those of any format are at least
# two steps apart.
_STEPS = np.float32(8192)
# Error of a ratio in float32, generously.
BLUR = np.float32(2.0**-21)


@dataclass(frozen=True, slots=True)
class Ratios:
    """Ratios u/v of levels, |u| ≤ |v|; tables (16385,) over 8192·ratio + 8192.

    Attributes:
        tops: levels v that may be the largest in magnitude of a group, from the largest on, where
            most encoders put it; at the end NaN for "none".
        nearest: the nearest ratio.
        allowed: bit i: it is the ratio of a level to tops[i].
        sizes: the nearest ratio of magnitudes |u|/|v|.
        positive: bits of the positive tops.
        opposite: bits of the tops that differ from the one before by the sign alone.
    """

    tops: F64
    nearest: F32
    allowed: U64
    sizes: F32
    positive: np.uint64
    opposite: np.uint64


@cache
def ratios_of(levels: tuple[int, ...]) -> Ratios:
    """The tables of a format, by its levels in ascending order."""
    tops = sorted((v for v in levels if v), key=abs, reverse=True)
    bits: dict[float, int] = {}
    for i, top in enumerate(tops):
        for level in levels:
            if abs(level) <= abs(top):
                bits[level / top] = bits.get(level / top, 0) | 1 << i
    values = np.array(sorted(bits))
    sizes = np.unique(np.abs(values))
    nearest = _nearest(values)
    return Ratios(
        np.array([*tops, np.nan]),
        values.astype(np.float32)[nearest],
        np.array([bits[value] for value in values], np.uint64)[nearest],
        sizes.astype(np.float32)[_nearest(sizes)],
        np.uint64(sum(1 << i for i, top in enumerate(tops) if top > 0)),
        np.uint64(sum(1 << i for i, top in enumerate(tops) if -top in tops[:i])),
    )


@cache
def multiples_of(exact: Exact) -> U64:
    """Bits of the tops v of which each of -reach, ..., reach is a multiple s·v (2·reach + 1,)."""
    tops = ratios_of(exact.levels).tops[:-1].astype(np.int64)
    scales = nonzero(exact.scales).astype(np.int64)
    reach = int(np.max(np.abs(tops)) * np.max(np.abs(scales)))
    bits = np.zeros(2 * reach + 1, np.uint64)
    for i, top in enumerate(tops):
        bits[scales * top + reach] |= np.uint64(1 << i)
    return bits


def nonzero(limits: tuple[int, int]) -> F64:
    """All integers within limits but 0."""
    return np.array([i for i in range(limits[0], limits[1] + 1) if i], np.float64)


def _nearest(values: F64) -> I64:
    """Index of the value nearest to -1, ..., 1 in steps of 1/8192 (16385,); values ascend."""
    places = np.arange(-_STEPS, _STEPS + 1) / _STEPS
    index: I64 = np.searchsorted((values[1:] + values[:-1]) / 2, places)
    return index


def look_up(nearest: F32, ratio: F32, blur: F32 | np.float32) -> tuple[I64, Mask]:
    """Where in a table ratios -1..1 are, and whether one is farther than `blur` from its value."""
    place = (ratio * _STEPS + (_STEPS + np.float32(0.5))).astype(np.int64)
    return place, np.abs(ratio - np.take(nearest, place, mode="clip")) > blur


def lowest_bit(bits: U64) -> I64:
    """Index of the lowest bit set, -1 for none."""
    lowest = bits & (~bits + np.uint64(1))
    index: I64 = np.frexp(lowest.astype(np.float64))[1].astype(np.int64) - 1
    return index


def count_bits(bits: U64) -> I64:
    """How many bits are set."""
    count: I64 = np.unpackbits(bits[..., None].view(np.uint8), axis=-1).sum(axis=-1, dtype=np.int64)
    return count


def each_bit(bits: U64, most: int) -> I64:
    """Indices of the first `most` bits set (up to most, ...), -1 where fewer."""
    found: list[I64] = []
    while not found or (len(found) < most and bits.any()):
        found.append(lowest_bit(bits))
        bits = bits & (bits - np.uint64(1))
    return np.array(found)


class Groups:
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
        self.ratios = ratios_of(exact.levels)
        low, high = np.min(self.x, axis=0), np.max(self.x, axis=0)
        if exact.has_min:
            self.y: F32 = self.x - low
            self.peak: F64 = high.astype(np.float64) - low
            self.slack: F64 = ulp(np.maximum(-low, high))
        else:
            self.y = self.x
            self.peak = np.where(high > -low, high, low).astype(np.float64)
            self.slack = np.zeros_like(self.peak)
        self.flat: Mask = self.peak == 0
        self.peak[self.flat] = 1
        top: F32 = self.peak.astype(np.float32)
        blur: F32 = (2 * self.slack / np.abs(self.peak)).astype(np.float32) + BLUR
        place, far = look_up(self.ratios.nearest, self.y / top, blur)
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
        size = np.abs(self.peak)
        cost = count_bits(self.bits) * (
            1 + 2.0**12 * self.slack / size
        )  # float16 values within the slack
        cost[self.bits == 0] = np.inf
        order: I64 = np.lexsort((-size, cost), axis=0)
        return order

    def explain(self, group: I64, block: I64, d: F64) -> tuple[F64, U64]:
        """The peaks as multiples s·v of d, and bits of the tops v that are possible."""
        peak = self.peak[group, block]
        multiple = np.rint(peak / d)
        bits = tops_of(self.exact, multiple) & self.bits[group, block]
        return multiple, bits * (np.abs(multiple * d - peak) <= self.slack[group, block])


def tops_of(exact: Exact, multiple: F64) -> U64:
    """Bits of the tops v of which integers are a multiple s·v."""
    table = multiples_of(exact)
    bits: U64 = np.take(table, (multiple + len(table) // 2).astype(np.int64), mode="clip")
    return bits * (np.abs(multiple) <= len(table) // 2)


def rounding(x: F32) -> tuple[F32, F32]:
    """How far below and above x numbers are rounded to it by float32; of a tie the even one is."""
    size = np.abs(x)
    bits = size.view(np.int32)
    share = np.float32(0.5) - (bits & 1).astype(np.float32) * np.float32(2.0**-20)
    outward = ((bits + 1).view(np.float32) - size) * share
    inward = (size - np.maximum(bits - 1, 0).view(np.float32)) * share
    negative = x < 0
    return np.where(negative, outward, inward), np.where(negative, inward, outward)


def ulp(x: F32) -> F64:
    """Distance of |x| to the next float32."""
    distance: F64 = np.spacing(np.abs(x)).astype(np.float64)
    return distance
