"""The order of rows that rotary embeddings over adjacent pairs expect.

Hugging Face rotates the two halves of a head (row i with row i + d/2), llama.cpp's `llama` family
rotates neighbours (row 2i with row 2i + 1). Within each head of d rows, output row 2i + j is source
row j * d/2 + i.

Arguments: the number of heads, and how many of a head's first rows are rotated, by default all; the
others stay.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quantcli.transform.gather import gathered
from quantcli.transform.transform import Args, FloatArray, Load, Shape, Transform


def _shape(shapes: tuple[Shape, ...], args: Args) -> Shape:
    (shape,), heads = shapes, int(args[0])
    if not 1 <= len(shape) <= 2:
        raise ValueError(f"expected a matrix or a vector, not a tensor of shape {shape}")
    if heads < 1 or shape[0] % (2 * heads):
        raise ValueError(f"{shape[0]} rows do not make {heads} heads of an even number of rows")
    rotated = _rotated(shape, args)
    if rotated % 2 or not 0 < rotated <= shape[0] // heads:
        raise ValueError(f"{rotated} rows of a head of {shape[0] // heads} cannot be rotated")
    return shape


def _rotated(shape: Shape, args: Args) -> int:
    return int(args[1]) if len(args) > 1 else shape[0] // int(args[0])


def _order(shape: Shape, args: Args) -> npt.NDArray[np.int64]:
    """Return the source row of each row, of heads that are rotated in part."""
    heads, rotated = int(args[0]), _rotated(shape, args)
    rows = np.arange(shape[0], dtype=np.int64).reshape(heads, -1)
    rows[:, :rotated] = rows[:, :rotated].reshape(heads, 2, -1).swapaxes(1, 2).reshape(heads, -1)
    return rows.reshape(-1)


def _rows(load: Load, args: Args, start: int, stop: int) -> FloatArray:
    (shape,), heads = load.shapes, int(args[0])
    if _rotated(shape, args) != shape[0] // heads:
        if len(shape) == 1:
            return np.ascontiguousarray(load.rows(0, start, stop)[:, _order(shape, args)])
        return gathered(load, 0, _order(shape, args)[start:stop])
    if len(shape) == 1:
        # A bias is one row; its elements move as the rows of its weight do.
        halves = load.rows(0, start, stop).reshape(-1, heads, 2, shape[0] // heads // 2)
        return np.ascontiguousarray(halves.swapaxes(2, 3)).reshape(stop - start, shape[0])
    out = np.empty((stop - start, shape[1]), dtype=np.float32)
    half = shape[0] // heads // 2
    for head in range(start // (2 * half), -(-stop // (2 * half))):
        _fill_head(load, out, head * 2 * half, half, start, stop)
    return out


def _fill_head(load: Load, out: FloatArray, base: int, half: int, start: int, stop: int) -> None:
    """Write into `out` those rows of the head [base, base + 2 half) that [start, stop) asks for."""
    low, high = max(start, base) - base, min(stop, base + 2 * half) - base
    for j in (0, 1):
        # The rows 2i + j of this head with low <= 2i + j < high.
        first, end = (low - j + 1) // 2, (high - j + 1) // 2
        if first < end:
            at = base + 2 * first + j - start
            source = base + j * half
            out[at : base + high - start : 2] = load.rows(0, source + first, source + end)


ROPE_PERMUTE = Transform("rope_permute", _shape, _rows, moves_rows=True)
