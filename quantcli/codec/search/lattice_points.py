"""The points of a lattice format next to given vectors, by their true weighted error.

Each coordinate of a vector is rounded to the format's levels; a table gives for every combination
of levels (6561 or 4096) the few points nearest to it, and those are compared. For a point q the
squared error of a vector at scale s is

    Σw(x - s·q)² = Σwx² - (2s·P - s²·Q),   P = Σwxq,  Q = Σwq²,

so P and Q, which do not depend on s, are all that a point contributes, and comparing the points at
one more scale costs little. Where a format stores only an even number of negative signs, a vector
with an odd number gets the sign of one coordinate wrong. With point q that costs least at the
coordinate of smallest w|x|q, whatever the scale, and lowers P by twice that.

Arrays are (coordinate, vector of a group, group, super-block); everything that decides is
element-wise or a sum of fixed order, so the result is the same on every CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from quantcli.codec import grids
from quantcli.codec.layout.bits import F32, SCRATCH, U8, reciprocal, tree_sum
from quantcli.codec.search.scale import take_over

Index = npt.NDArray[np.intp]
I32 = npt.NDArray[np.int32]

# Added to all weights, whose largest in a super-block is about 1: columns without any importance
# still take the nearest points that cost the others nothing.
LEAST_WEIGHT = np.float32(2.0**-24)

# Bits of a cost that hold the number of its coordinate instead.
_COORDINATE = np.int32(7)
# Whether a mask has an odd number of bits.
_ODD = np.array([number.bit_count() & 1 for number in range(256)], np.bool_)


@dataclass(frozen=True, slots=True)
class Lattice:
    """One format's points and how they are scaled.

    Attributes:
        grid: name of the point set.
        unit: what the stored points are multiplied with to give q.
        levels: the values of a stored coordinate, ascending and about evenly spaced.
        scales: number of integer scales c = 0..scales-1.
        signs: "free": a sign per value; "even": the same with an even number of negatives per
            vector; "none": the points are signed.
        shifts: added to every coordinate of a stored point; the encoder chooses among them.
        shared_shift: whether all vectors of a group have the same shift.
    """

    grid: str
    unit: float
    levels: tuple[int, ...]
    scales: int = 16
    signs: str = "free"
    shifts: tuple[float, ...] = (0.0,)
    shared_shift: bool = False


@dataclass(frozen=True, slots=True)
class _Tables:
    """Lookup tables of a lattice.

    Attributes:
        points: the coordinates of the points, for all shifts one after the other, as uint32
            (points, dimension / 2): the upper half of coordinate k's float32 above that of
            coordinate k + dimension / 2; the lower halves are zero.
        norms: Σq² (points,).
        near: numbers of the points next to every combination of levels (count, combinations),
            nearest first, without shift.
        stride: number of points without shift.
    """

    points: npt.NDArray[np.uint32]
    norms: F32
    near: Index
    stride: int


@cache
def _tables(lattice: Lattice, count: int) -> _Tables:
    """Lookup tables with `count` neighbours."""
    stored = grids.points(lattice.grid).astype(np.int64)
    near = _nearest(stored, np.array(lattice.levels), count)
    values = np.concatenate([stored + shift for shift in lattice.shifts]) * lattice.unit
    norms: F32 = (values * values).sum(axis=1).astype(np.float32)
    halves = values.astype(np.float32).view(np.uint32)
    first, second = np.split(halves, 2, axis=1)
    return _Tables(first | second >> np.uint32(16), norms, near, len(stored))


def _nearest(stored: npt.NDArray[np.int64], levels: npt.NDArray[np.int64], count: int) -> Index:
    """The `count` points (points, dim) nearest to each combination of levels, ties by number.

    The squared distances of the first and of the second half of the coordinates are tabled for all
    their combinations; a sum of the two and the point's number make a key that sorts.
    """
    points, dim = stored.shape
    squares = ((stored - levels[:, None, None]) ** 2 * points).astype(np.int32)
    first, second = np.arange(points, dtype=np.int32)[None], np.zeros((1, points), np.int32)
    for coordinate in range(dim // 2):
        first = (first[:, None] + squares[:, :, coordinate]).reshape(-1, points)
        second = (second[:, None] + squares[:, :, dim // 2 + coordinate]).reshape(-1, points)
    near = np.empty((len(first), len(second), count), np.int32)
    for part, best in zip(first, near, strict=True):
        keys = np.partition(part + second, count - 1, axis=1)
        best[:] = keys[:, :count]
    near.sort(axis=2)
    numbers = near.reshape(-1, count) % np.int32(points)
    return np.ascontiguousarray(numbers.T, np.intp)


@dataclass(frozen=True, slots=True)
class Nearby:
    """Points near every vector: P and Q (points, *vectors); where to find their numbers."""

    product: F32
    square: F32
    count: int
    combination: Index  # (shifts, *vectors) of levels; the shifts share the points evenly


@dataclass(slots=True)
class Choice:
    """One point for every vector: its gain, P, Q and its place among the nearby points."""

    gain: F32
    product: F32
    square: F32
    place: I32


class Vectors:
    """The values of some super-blocks, cut into vectors.

    Values and weights are first multiplied with powers of two, so that the largest of a super-block
    is about 1 and neither squares of tiny values nor products of large ones leave float32.

    Attributes:
        shape: (vectors of a group, groups, super-blocks).
        unit: what the values were divided by, (super-blocks,).
        inverse: 1 / unit.
    """

    def __init__(self, x: F32, w: F32 | None, lattice: Lattice, near: int) -> None:
        size, groups, count = x.shape
        dim = grids.points(lattice.grid).shape[1]
        self.lattice = lattice
        self.tables = _tables(lattice, near)
        self.shape = (size // dim, groups, count)
        self.full = (dim, *self.shape)
        self.unit, inverse = _power_of_two(x)
        self.inverse = inverse
        self.values = self._vectors("values", x, inverse)
        self.signs = self._sign_masks()
        if lattice.signs == "none":
            self.values += np.float32(0)  # -0 becomes 0: a gain of -0 sorts below one of 0
        else:
            np.abs(self.values, out=self.values)
        self.heavy = self.values
        self.weights: F32 | None = None
        if w is not None:
            self.weights = self._vectors("weights", w, _power_of_two(w)[1])
            np.add(self.weights, LEAST_WEIGHT, out=self.weights)
            self.heavy = self._take("heavy")
            np.multiply(self.weights, self.values, out=self.heavy)
        self.codes, self.chosen = self._take("codes"), self._take("chosen")
        self.packed = SCRATCH.take("lattice packed", (dim // 2, *self.shape), np.uint32)
        self.rows = SCRATCH.take("lattice rows", (*self.shape, dim // 2), np.uint32)
        self.odd: F32 | None = None
        self.rounding = self.values
        if lattice.signs == "even":
            self._share_out_odd()

    def _take(self, name: str) -> F32:
        buffer: F32 = SCRATCH.take("lattice " + name, self.full)
        return buffer

    def _vectors(self, name: str, x: F32, factor: F32) -> F32:
        """Copy (values of a group, groups, n) times (n,) to the layout of a fit."""
        vectors = self._take(name)
        parts = x.reshape(self.shape[0], self.full[0], *self.shape[1:]).swapaxes(0, 1)
        np.multiply(parts, factor, out=vectors)
        return vectors

    def _sign_masks(self) -> U8:
        """For every vector a byte with bit j set where coordinate j is negative."""
        negative = (self.values < 0).view(np.uint8)
        masks: U8 = negative[-1].copy()
        for row in negative[-2::-1]:
            masks *= np.uint8(2)
            masks |= row
        return masks

    def _share_out_odd(self) -> None:
        """Decide which vectors get a wrong sign; their likeliest coordinate is rounded down.

        Eight values have an even number of negative signs; where a vector is half of them, the
        half with the smallest w·x² is charged.
        """
        least = self._least(np.multiply(self.heavy, self.values, out=self.codes))
        if self.full[0] == 8:
            odd = np.take(_ODD, self.signs)
        else:
            parity = np.take(_ODD, self.signs[0::2] ^ self.signs[1::2])
            odd = np.empty(self.shape, np.bool_)
            odd[0::2] = parity & (least[0::2] <= least[1::2])
            odd[1::2] = parity > odd[0::2]
        self.odd = odd.astype(np.float32) * np.float32(2)
        # all bits where a coordinate keeps its value: not where its cost is the least of an odd one
        keep = SCRATCH.take("lattice rounding", self.full, np.int32)
        np.subtract(
            least | (odd.astype(np.int32) - np.int32(1)), self.codes.view(np.int32), out=keep
        )
        np.right_shift(keep, np.int32(31), out=keep)
        np.bitwise_and(keep, self.values.view(np.int32), out=keep)
        self.rounding = keep.view(np.float32)

    def _least(self, cost: F32) -> I32:
        """Bits of the least of the costs >= 0 of every vector.

        Their last three bits, and those of `cost`, are replaced by the number of the coordinate.
        """
        bits = cost.view(np.int32)
        bits &= ~_COORDINATE
        bits |= np.arange(len(bits), dtype=np.int32)[:, None, None, None]
        least: I32 = _tree(np.minimum, bits, self.packed.view(np.int32))
        return least

    def peak(self) -> F32:
        """Largest magnitude of each group (groups, super-blocks)."""
        values = self.values if self.lattice.signs != "none" else np.abs(self.values)
        peak: F32 = np.max(values, axis=(0, 1))
        return peak

    def crest(self) -> F32:
        """√(Σwx⁴ / Σwx²) of each group (groups, super-blocks)."""
        square = np.multiply(self.heavy, self.values, out=self.codes)
        fourth = np.multiply(square, self.values, out=self.chosen)
        np.multiply(fourth, self.values, out=fourth)
        below = tree_sum(_tree(np.add, square, square))
        above = tree_sum(_tree(np.add, fourth, fourth))
        crest: F32 = np.sqrt(above * reciprocal(below))
        return crest

    def nearby(self, scale: F32, count: int) -> Nearby:
        """P and Q of the `count` points next to every vector at real scales (groups, n)."""
        shifts = self.lattice.shifts
        kinds = (len(shifts) * count, *self.shape)
        product: F32 = SCRATCH.take("lattice product", kinds)
        square: F32 = SCRATCH.take("lattice square", kinds)
        inverse = reciprocal(scale)
        combinations = np.empty((len(shifts), *self.shape), np.intp)
        place = 0
        for number, shift in enumerate(shifts):
            self._combination(inverse, shift, combinations[number])
            for row in self.tables.near[:count]:
                index = np.take(row, combinations[number], mode="clip")
                index += number * self.tables.stride
                self._sums(index, product[place], square[place])
                place += 1
        return Nearby(product, square, count, combinations)

    def choose(self, nearby: Nearby, scale: F32) -> Choice:
        """The nearby point that gains most for every vector, at real scales (groups, n).

        The place of a point is put in the lowest bits of its gain, so that the largest gain says
        which point has it.
        """
        count = len(nearby.product)
        gain: F32 = SCRATCH.take("lattice gain", nearby.product.shape)
        part: F32 = SCRATCH.take("lattice part", nearby.product.shape)
        np.multiply(nearby.product, scale + scale, out=gain)
        np.multiply(nearby.square, scale * scale, out=part)
        np.subtract(gain, part, out=gain)
        mask = (1 << (count - 1).bit_length()) - 1
        bits = gain.view(np.int32)
        bits &= np.int32(~mask)
        bits |= np.arange(count, dtype=np.int32)[:, None, None, None]
        best = self._best_shift(gain)
        place = best.view(np.int32) & np.int32(mask)
        flat = place.reshape(-1) * np.intp(best.size) + np.arange(best.size)
        product = np.take(nearby.product, flat, mode="clip").reshape(self.shape)
        square = np.take(nearby.square, flat, mode="clip").reshape(self.shape)
        return Choice(best, product, square, place)

    def _best_shift(self, gain: F32) -> F32:
        """The largest gain of each vector; with a shared shift, of the group's better shift."""
        best: F32
        if not self.lattice.shared_shift:
            best = np.max(gain, axis=0)
            return best
        halves: F32 = np.max(gain.reshape(2, -1, *self.shape), axis=1)
        groups = tree_sum(halves.swapaxes(0, 1).copy())
        take_over(np.broadcast_to(groups[1] > groups[0], self.shape), (halves[0], halves[1]))
        best = halves[0]
        return best

    def numbers(self, nearby: Nearby, place: I32) -> Index:
        """The numbers of chosen points."""
        near, combination = self.tables.near, nearby.combination
        rank, offset = place.astype(np.intp), 0
        combined = combination[0]
        if len(combination) > 1:
            second = place >= nearby.count
            rank -= second * np.intp(nearby.count)
            combined = np.where(second, combination[1], combined)
            offset = second * np.intp(self.tables.stride)
        rank *= near.shape[1]
        rank += combined
        number: Index = np.take(near, rank, mode="clip")
        number += offset
        return number

    def _combination(self, inverse: F32, shift: float, out: Index) -> None:
        """Number of the combination of levels that every vector rounds to."""
        levels = self.lattice.levels
        pitch = (levels[-1] - levels[0]) / (len(levels) - 1)
        factor = inverse * np.float32(1 / (pitch * self.lattice.unit))
        codes = np.multiply(self.rounding, factor, out=self.codes)
        np.subtract(codes, np.float32((levels[0] + shift) / pitch), out=codes)
        np.rint(codes, out=codes)
        codes.clip(np.float32(0), np.float32(len(levels) - 1), out=codes)
        number = codes[0]
        for row in codes[1:]:
            number *= np.float32(len(levels))
            number += row
        np.copyto(out, number, casting="unsafe")

    def _points(self, index: Index) -> F32:
        """Coordinates of one point per vector."""
        packed, half = self.packed, len(self.packed)
        np.take(self.tables.points, index, axis=0, out=self.rows, mode="clip")
        np.copyto(packed, np.moveaxis(self.rows, -1, 0))
        bits = self.chosen.view(np.uint32)
        np.bitwise_and(packed, np.uint32(0xFFFF0000), out=bits[:half])
        np.left_shift(packed, np.uint32(16), out=bits[half:])
        return self.chosen

    def _sums(self, index: Index, product: F32, square: F32) -> None:
        """P and Q of one point per vector."""
        chosen, work = self._points(index), self.codes
        np.multiply(chosen, self.heavy, out=work)
        if self.odd is not None:
            least = _tree(np.minimum, work, self.packed.view(np.float32))
            least *= self.odd
            np.subtract(_tree(np.add, work, work), least, out=product)
        else:
            _tree(np.add, work, work, product)
        if self.weights is None:
            np.take(self.tables.norms, index, out=square, mode="clip")
        else:
            np.multiply(chosen, chosen, out=work)
            np.multiply(work, self.weights, out=work)
            _tree(np.add, work, work, square)

    def sign_masks(self, index: Index) -> U8:
        """Sign masks (vectors of 8 values, groups, n) that go with the chosen points."""
        masks = self.signs
        if self.odd is not None:
            cost = np.multiply(self._points(index), self.heavy, out=self.codes)
            flip = np.int32(1) << (self._least(cost) & _COORDINATE)
            masks = masks ^ (flip * (self.odd > 0)).astype(np.uint8)
        if self.full[0] == 4:
            masks = masks[0::2] | (masks[1::2] * np.uint8(16))
        return masks


def _tree(
    operation: np.ufunc, x: npt.NDArray[Any], work: npt.NDArray[Any], out: F32 | None = None
) -> npt.NDArray[Any]:
    """Reduce axis 0 (a power of two long) by halving, in `work`, the result in `out` or work[0]."""
    half = len(x) // 2
    while half > 1:
        operation(x[:half], x[half : 2 * half], out=work[:half])
        x = work
        half //= 2
    result: npt.NDArray[Any] = operation(x[0], x[1], out=work[0] if out is None else out)
    return result


def _power_of_two(x: F32) -> tuple[F32, F32]:
    """Per super-block of x (values, groups, n) a power of two near its largest magnitude, and 1/it.

    Below 2**-60 it is not smaller: such values are zero in every format with a float16 scale.
    """
    peak = np.maximum(np.max(x, axis=(0, 1)), -np.min(x, axis=(0, 1)))
    exponent = np.maximum(np.frexp(peak)[1], -60)
    one = np.float32(1)
    return np.ldexp(one, exponent), np.ldexp(one, -exponent)
