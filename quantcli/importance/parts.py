"""What one file of an importance matrix holds, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sums:
    """What was collected for one weight tensor.

    Attributes:
        squares: sums of the squared inputs, (columns of all matrices,), float32.
        counts: tokens that were summed, one number for all matrices or one each, float64.
    """

    squares: F32
    counts: F64


@dataclass(frozen=True, slots=True)
class ImatrixFile:
    """One file.

    Attributes:
        path: where it lies.
        size: its length in bytes.
        digest: SHA-256 of its bytes, 64 hexadecimal digits.
        datasets: the texts that it was made from, as it names them.
        chunks: how many pieces of text were evaluated; 0 when it does not say.
        chunk_size: tokens of a piece; 0 when it does not say.
        sums: by tensor name, in file order.
    """

    path: Path
    size: int
    digest: str
    datasets: tuple[str, ...]
    chunks: int
    chunk_size: int
    sums: Mapping[str, Sums]
