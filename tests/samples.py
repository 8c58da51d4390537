"""Values for codec tests that are the same with every numpy version.

They come from a generator's raw integers by exact arithmetic, not from numpy's distributions,
whose algorithms may change.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]


def bell(rows: int, columns: int, seed: int) -> F32:
    """Sums of four uniform numbers: close to a Gaussian, standard deviation about 0.58."""
    raw = np.random.PCG64(seed).random_raw(rows * columns)
    parts = raw.view(np.uint16).reshape(rows, columns, 4).astype(np.int64)
    return ((parts.sum(axis=2) - 2 * 65535) * 2.0**-16).astype(np.float32)


def tails(rows: int, columns: int, seed: int) -> F32:
    """Heavy tails: a bell stretched by its own cube."""
    x = bell(rows, columns, seed)
    return x + x * x * x


def importance(columns: int, seed: int) -> F32:
    """Column importance over four orders of magnitude."""
    x = bell(1, columns, seed)[0]
    return (x * x) * (x * x) + np.float32(1e-3)
