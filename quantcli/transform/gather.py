"""Reading rows in any order by few reads: what the transforms that move rows share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quantcli.transform.transform import FloatArray, Load

# Rows that are read and not wanted cost less than another read up to this ratio.
_SPARSE = 4


def gathered(load: Load, source: int, rows: npt.NDArray[np.int64]) -> FloatArray:
    """Return the given rows of a source, in their order.

    Args:
        load: where the source is read.
        source: its number.
        rows: row numbers (n,), in any order.

    Returns:
        float32 (n, columns).
    """
    if not len(rows):
        return load.rows(source, 0, 0)
    low, high = int(rows.min()), int(rows.max()) + 1
    if high - low == len(rows) and bool((np.diff(rows) == 1).all()):
        return load.rows(source, low, high)
    if high - low <= _SPARSE * len(rows):
        return load.rows(source, low, high)[rows - low]
    out = np.empty((len(rows), load.shapes[source][-1]), dtype=np.float32)
    runs = np.flatnonzero(np.diff(rows) != 1) + 1
    for first, end in zip([0, *runs.tolist()], [*runs.tolist(), len(rows)], strict=True):
        out[first:end] = load.rows(source, int(rows[first]), int(rows[end - 1]) + 1)
    return out
