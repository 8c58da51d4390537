"""Rows whose bytes only move: the same type in and out, whole rows at other places at most.

They are neither decoded nor encoded. What is left is to read them, to look whether they are finite,
and to write them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantcli import codec, transform
from quantcli.checkpoint.reader import BoundLoad, TensorReader
from quantcli.planning.plan import Step

_WORD_BYTES = 4


def moves(step: Step) -> bool:
    """Return whether the rows of a step are rows of its sources, byte for byte.

    Weights that are not finite are another matter: see `moved_rows`.
    """
    return transform.get(step.op).moves_rows and all(
        ref.dtype == step.type and len(ref.shape) > 1 and ref.nbytes // ref.rows % _WORD_BYTES == 0
        for ref in step.sources
    )


def moved_rows(
    reader: TensorReader, step: Step, start: int, stop: int
) -> npt.NDArray[np.uint8] | None:
    """Return rows [start, stop) of a step that moves them, as uint8 (rows, bytes of a row).

    None where a weight is NaN or infinite: whether that is allowed, and in which form, is not for
    copying to say.
    """
    words = transform.get(step.op).rows(
        _Words(BoundLoad(reader, step.sources)), step.args, start, stop
    )
    data = words.view(np.uint8)
    return None if codec.get(step.type).invalid_blocks(data) else data


@dataclass(frozen=True, slots=True)
class _Words:
    """Sources seen as rows of 32-bit words, whatever they hold (see transform.Load)."""

    load: BoundLoad

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(
            (*ref.shape[:-1], ref.nbytes // ref.rows // _WORD_BYTES) for ref in self.load.refs
        )

    def rows(self, source: int, start: int, stop: int) -> npt.NDArray[np.float32]:
        words: npt.NDArray[np.float32] = self.load.reader.stored(
            self.load.refs[source], start, stop
        ).view(np.float32)
        return words

    def columns(
        self, source: int, start: int, stop: int, first: int = 0, end: int | None = None
    ) -> npt.NDArray[np.float32]:
        asked = f"columns [{start}, {stop}) of rows [{first}, {end}) of source {source}"
        raise AssertionError(f"{asked} are asked for as words")
