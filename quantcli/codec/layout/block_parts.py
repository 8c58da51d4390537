"""What blocks are made of, by format: what packing writes, and what values there can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from quantcli.codec.layout.bits import F32, U8, Blocks


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
