"""The error of an encoded tensor, in row chunks and without ever holding the tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantcli.evaluate.bounds import Bound
from quantcli.workers.packed import Packed

FloatArray = npt.NDArray[np.float32]

# Sums of squares are taken in float64; float32 differences of large values may still not be exact.
_SLACK = 1.0 + 1e-6


@dataclass(frozen=True, slots=True)
class TensorError(Packed):
    """Sums over some rows of a tensor; those of two chunks are merged by `merged`.

    Attributes:
        error_square: Σ (decoded - source)².
        source_square: Σ source².
        worst_block: largest relative error of a block that exceeds the absolute floor.
        bad_blocks: blocks with an error above the type's bound.
        first_bad: (row, block in the row) of the first of them.
        nonfinite: source values that are NaN or infinite; they are left out of everything else.
    """

    error_square: float = 0.0
    source_square: float = 0.0
    worst_block: float = 0.0
    bad_blocks: int = 0
    first_bad: tuple[int, int] | None = None
    nonfinite: int = 0

    @property
    def relative_rmse(self) -> float:
        """√(Σ (decoded - source)² / Σ source²); 0 for 0/0, infinite for a source of zeros."""
        if self.source_square == 0.0:
            return math.inf if self.error_square else 0.0
        return math.sqrt(self.error_square / self.source_square)

    def merged(self, later: TensorError) -> TensorError:
        """Return the sums over these rows and the `later` ones."""
        return TensorError(
            self.error_square + later.error_square,
            self.source_square + later.source_square,
            max(self.worst_block, later.worst_block),
            self.bad_blocks + later.bad_blocks,
            self.first_bad or later.first_bad,
            self.nonfinite + later.nonfinite,
        )


def measure(
    source: FloatArray, decoded: FloatArray, block: int, bound: Bound, first_row: int = 0
) -> TensorError:
    """Return the error of rows that were encoded and decoded again.

    Args:
        source: float32 (rows, columns), what the rows should hold; may be overwritten.
        decoded: float32 (rows, columns), what they do hold; overwritten.
        block: elements of a block; divides columns.
        bound: largest errors allowed.
        first_row: number of the first row, for `first_bad`.
    """
    nonfinite = 0
    if not np.isfinite(source).all():
        holes = ~np.isfinite(source)
        nonfinite = int(np.count_nonzero(holes))
        source = np.where(holes, np.float32(0), source)
        decoded[holes] = 0
    with np.errstate(all="ignore"):
        np.subtract(decoded, source, out=decoded)
        errors, squares = _block_sums(decoded, block), _block_sums(source, block)
        allowed = (bound.block * np.sqrt(squares) + bound.floor * math.sqrt(block)) * _SLACK
        # Not `errors > …`: a NaN must count as bad.
        bad = ~(errors <= np.square(allowed))
        relevant = errors > block * bound.floor**2
        ratios = np.where(relevant, errors / squares, 0.0)
        worst = math.sqrt(float(ratios.max(initial=0.0)))
    first_bad = None
    if bad.any():
        row, position = divmod(int(np.argmax(bad)), source.shape[1] // block)
        first_bad = (first_row + row, position)
    return TensorError(
        error_square=float(errors.sum()),
        source_square=float(squares.sum()),
        worst_block=worst,
        bad_blocks=int(np.count_nonzero(bad)),
        first_bad=first_bad,
        nonfinite=nonfinite,
    )


def exceeds(error: TensorError, bound: Bound, weights: int) -> bool:
    """Return whether the relative RMSE of a tensor of `weights` elements is above its bound."""
    allowed = bound.of_tensor(weights) * math.sqrt(error.source_square) + bound.floor * math.sqrt(
        weights
    )
    return not math.sqrt(error.error_square) <= allowed * _SLACK


def _block_sums(x: FloatArray, block: int) -> npt.NDArray[np.float64]:
    """Return Σ x² of every block of float32 (rows, columns), as float64 (number of blocks,)."""
    if block == 1:
        return np.square(x.reshape(-1), dtype=np.float64)
    blocks = x.reshape(-1, block)
    sums: npt.NDArray[np.float64] = np.einsum("ij,ij->i", blocks, blocks, dtype=np.float64)
    return sums
