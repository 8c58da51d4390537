"""Blocks of weights meant to break an encoder, and column importance likewise.

Everything is made from a generator's integers by exact arithmetic: the same on every machine.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from quantcli import codec

F32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

FLOAT16_MAX = 65504.0
# Largest magnitude that is encoded whatever the rest of the block; see docs/special-inputs.md.
LIMITS = {"F32": 3.4028235e38, "BF16": 3.3895314e38, "MXFP4": 2.0**40, "NVFP4": 2688.0}
SMALLEST = -126  # exponent of the smallest normal float32, 1.2e-38

PER_ROW = 4  # blocks


class Draws:
    """Reproducible integers and floats, the same with every numpy version."""

    def __init__(self, seed: int) -> None:
        self._raw = np.random.PCG64(seed)

    def integers(self, shape: tuple[int, ...], below: int) -> Ints:
        """Integers of 0..below-1, `below` at most 2**31."""
        raw = self._raw.random_raw(int(np.prod(shape))) >> np.uint64(32)
        return (raw.astype(np.int64) % below).reshape(shape)

    def signs(self, shape: tuple[int, ...]) -> F32:
        """Return -1 or 1."""
        return (self.integers(shape, 2) * 2 - 1).astype(np.float32)

    def unit(self, shape: tuple[int, ...]) -> F32:
        """Multiples of 2**-23 from -1 to 1."""
        return (self.integers(shape, 1 << 24) * 2.0**-23 - 1).astype(np.float32)

    def logarithmic(self, shape: tuple[int, ...], low: int, high: int) -> F32:
        """Magnitudes from 2**low to 2**high, every exponent equally likely."""
        mantissa = 1 + self.integers(shape, 1 << 23) * 2.0**-23
        return np.ldexp(mantissa, self.integers(shape, high - low) + low).astype(np.float32)


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What blocks are made for: how many, of which type, with which largest exponent."""

    draws: Draws
    count: int
    kind: codec.Codec
    size: int
    top: int

    @property
    def shape(self) -> tuple[int, int]:
        """Blocks and values of a block."""
        return self.count, self.size

    def scale(self, columns: int = 1) -> F32:
        """One magnitude a block, or several."""
        return self.draws.logarithmic((self.count, columns), SMALLEST, self.top)


def any_magnitude(want: Wanted) -> F32:
    """Every value of a magnitude of its own."""
    values = want.draws.logarithmic(want.shape, SMALLEST, want.top)
    return values * want.draws.signs(want.shape)


def even(want: Wanted) -> F32:
    """Evenly distributed values at the block's magnitude."""
    return want.draws.unit(want.shape) * want.scale()


def groups(want: Wanted) -> F32:
    """A magnitude of its own for every sixteen values, within 40 binary orders."""
    count = -(-want.size // 16)
    shifts = -want.draws.integers((want.count, count), 40).repeat(16, axis=1)[:, : want.size]
    return np.ldexp(even(want), shifts.astype(np.int32))


def outlier(want: Wanted) -> F32:
    """One value up to 2**30 times larger than the rest."""
    values = even(want)
    place = want.draws.integers((want.count, 1), want.size)
    peak = np.ldexp(want.scale(), want.draws.integers((want.count, 1), 30).astype(np.int32))
    np.put_along_axis(values, place, peak * want.draws.signs((want.count, 1)), axis=1)
    return values


def denormal(want: Wanted) -> F32:
    """Values below the smallest normal float32."""
    bits = want.draws.integers(want.shape, 1 << 23).astype(np.int32)
    return bits.view(np.float32) * want.draws.signs(want.shape)


def constant(want: Wanted) -> F32:
    """All values the same."""
    return (want.scale() * want.draws.signs((want.count, 1))).repeat(want.size, axis=1)


def one_sided(want: Wanted) -> F32:
    """All values of one sign, far from zero or not."""
    far = want.draws.integers((want.count, 1), 8).astype(np.float32)
    signed = want.scale() * want.draws.signs((want.count, 1))
    return (np.abs(want.draws.unit(want.shape)) + far) * signed


def alternating(want: Wanted) -> F32:
    """The same magnitude with changing signs."""
    values = constant(want)
    values[:, 1::2] *= np.float32(-1)
    return values


def zeros(want: Wanted) -> F32:
    """Zeros of both signs."""
    return np.float32(0) * want.draws.signs(want.shape)


def sparse(want: Wanted) -> F32:
    """Nine values of ten are zero."""
    return even(want) * (want.draws.integers(want.shape, 10) == 0)


def few_levels(want: Wanted) -> F32:
    """Multiples -2..2 of one number."""
    return want.scale() * (want.draws.integers(want.shape, 5) - 2).astype(np.float32)


def smallest_scales(want: Wanted) -> F32:
    """Powers of two and their neighbours, where a scale is a few of float16's smallest steps."""
    exponents = want.draws.integers((want.count, 1), 24) - 36
    exponents = exponents + want.draws.integers(want.shape, 4)
    steps = want.draws.integers(want.shape, 3).astype(np.int32) - 1
    powers = np.ldexp(np.float32(1), exponents.astype(np.int32))
    return (powers.view(np.int32) + steps).view(np.float32) * want.draws.signs(want.shape)


def largest_scales(want: Wanted) -> F32:
    """Blocks that reach exactly the type's limit, on one side or both."""
    values = want.draws.unit(want.shape) * np.float32(limit(want.kind))
    ends = want.draws.integers(want.shape, 8)
    return np.where(ends < 2, limit(want.kind) * (1 - 2 * ends), values).astype(np.float32)


def holes(want: Wanted) -> F32:
    """One value of ten is infinite or NaN of any kind."""
    bits = want.draws.integers(want.shape, 1 << 23) * want.draws.integers(want.shape, 2)
    special = (bits.astype(np.int32) | np.int32(0x7F800000)).view(np.float32)
    chosen = want.draws.integers(want.shape, 10) == 0
    return np.where(chosen, np.copysign(special, want.draws.signs(want.shape)), even(want))


def on_grid(want: Wanted) -> F32:
    """Values that the type decodes to."""
    size = want.kind.layout.itemsize * want.size // want.kind.block
    data = want.draws.integers((want.count, size), 256).astype(np.uint8)
    values = want.kind.decode_rows(data)
    return np.where(np.isfinite(values), values, np.float32(0))


BLOCKS: tuple[Callable[[Wanted], F32], ...] = (
    *(any_magnitude, even, groups, outlier, denormal, constant, one_sided, alternating, zeros),
    *(sparse, few_levels, smallest_scales, largest_scales, on_grid, holes),
)


def skewed(draws: Draws, columns: int) -> F32:
    """Magnitudes from 1e-30 to 1e30."""
    return draws.logarithmic((columns,), -100, 100)


def gaps(draws: Draws, columns: int) -> F32:
    """Every other column counts for nothing."""
    return draws.logarithmic((columns,), -3, 3) * draws.integers((columns,), 2).astype(np.float32)


def single(draws: Draws, columns: int) -> F32:
    """One column counts."""
    weight = np.zeros(columns, np.float32)
    weight[draws.integers((1,), columns)] = 1
    return weight


IMPORTANCE: tuple[Callable[[Draws, int], F32] | None, ...] = (
    None,
    skewed,
    None,
    gaps,
    None,
    single,
    None,
    lambda _, columns: np.zeros(columns, np.float32),
    None,
    lambda draws, columns: draws.logarithmic((columns,), -5, 5),
)


def limit(kind: codec.Codec) -> float:
    """Largest magnitude that the type promises to take."""
    return LIMITS.get(kind.name, FLOAT16_MAX)


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """Rows, their column importance, and the number in `BLOCKS` of every block."""

    x: F32
    weight: F32 | None
    made_by: Ints


def make_batch(kind: codec.Codec, draws: Draws, blocks: int, number: int) -> Batch:
    """Blocks of all kinds in random order, `PER_ROW` a row; types without blocks get 32 values."""
    size = max(kind.block, 32)
    rows = -(-blocks // PER_ROW)
    made_by = draws.integers((rows * PER_ROW,), len(BLOCKS))
    x = np.empty((len(made_by), size), np.float32)
    largest = limit(kind)
    top = int(np.frexp(largest)[1]) - 1
    with np.errstate(over="ignore"):
        for index, make in enumerate(BLOCKS):
            chosen = made_by == index
            x[chosen] = make(Wanted(draws, int(chosen.sum()), kind, size, top))
    np.clip(x, -np.float32(largest), np.float32(largest), out=x, where=np.isfinite(x))
    make_weight = IMPORTANCE[number % len(IMPORTANCE)]
    weight = make_weight(draws, PER_ROW * size) if make_weight else None
    return Batch(x.reshape(rows, -1), weight, made_by)
