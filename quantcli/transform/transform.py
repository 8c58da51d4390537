"""The type of a transform: a pure tensor operation that yields any range of its output rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Shape = tuple[int, ...]
Arg = int | float | str
Args = tuple[Arg, ...]


class Load(Protocol):
    """What a transform may ask of its sources. Every tensor is seen as (rows, columns)."""

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Full shapes of the sources, outermost dimension first."""
        ...

    def rows(self, source: int, start: int, stop: int) -> FloatArray:
        """Return rows [start, stop) of a source as float32 (stop - start, columns)."""
        ...

    def columns(
        self, source: int, start: int, stop: int, first: int = 0, end: int | None = None
    ) -> FloatArray:
        """Return columns [start, stop) of a source's rows [first, end), by default of all rows.

        The result is float32 (rows, stop - start).
        """
        ...


@dataclass(frozen=True, slots=True)
class Transform:
    """A named operation of the architecture tables.

    Attributes:
        name: how the tables and plans spell it.
        shape: (source shapes, args) → shape of the output; raises ValueError on shapes that do not
            fit.
        rows: (load, args, start, stop) → float32 (stop - start, columns): rows [start, stop) of
            the output seen as (product of the outer dimensions, innermost dimension). Reads of
            `load` no more than those rows need.
        moves_rows: whether the rows of every output made of matrices are rows of the sources, whole
            and as they are: then `rows` may be given any 32-bit words for values.
    """

    name: str
    shape: Callable[[tuple[Shape, ...], Args], Shape]
    rows: Callable[[Load, Args, int, int], FloatArray]
    moves_rows: bool = False
