"""Values four abreast: a layout that costs a fourth of a transposition.

Groups (groups, k) become (k / 4, 4·groups): column 4i + j of row r holds element 4r + j of group i.
Four neighbouring values move as one, sums still run over axis 0 in a fixed order, and what belongs
to a group is repeated for its four lanes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quantcli.codec.layout.bits import F32, SCRATCH, U8, reciprocal, tree_sum

Index = npt.NDArray[np.intp]


def to_quads(x: F32, name: str) -> F32:
    """Copy groups (groups, k) to the scratch buffer `name` as (k / 4, 4·groups)."""
    fours = x.view(np.complex128).T  # any type of 16 bytes would do
    quads = SCRATCH.take(name, fours.shape, np.complex128)
    np.copyto(quads, fours)
    result: F32 = quads.view(np.float32)
    return result


def from_quads(codes: U8) -> U8:
    """Bytes (k / 4, 4·groups) back to (groups, k)."""
    rows: U8 = np.ascontiguousarray(codes.view(np.uint32).T).view(np.uint8)
    return rows


def codes_in_quads(codes: U8) -> U8:
    """Codes (k, groups) as (k / 4, 4·groups)."""
    fours = codes.reshape(-1, 4, codes.shape[1]).transpose(0, 2, 1)
    return np.ascontiguousarray(fours).reshape(len(fours), -1)


def lanes(values: F32) -> F32:
    """Repeat a value per group (groups,) for its lanes (4·groups,)."""
    repeated: F32 = np.repeat(values, 4)
    return repeated


def group_sum(x: F32) -> F32:
    """Sum of each group (groups,) in a fixed order; `x` is overwritten."""
    total = tree_sum(x)
    sums: F32 = (total[0::4] + total[2::4]) + (total[1::4] + total[3::4])
    return sums


def group_count(chosen: U8) -> F32:
    """Sum of bytes of each group (groups,), below 256 in a lane; `chosen` is overwritten."""
    half = len(chosen) // 2
    while half:
        np.add(chosen[:half], chosen[half : 2 * half], out=chosen[:half])
        half //= 2
    total = chosen[0].astype(np.float32)
    count: F32 = (total[0::4] + total[2::4]) + (total[1::4] + total[3::4])
    return count


def group_range(x: F32) -> tuple[F32, F32]:
    """Least and largest value of each group (groups,)."""
    low, top = np.min(x, axis=0), np.max(x, axis=0)
    low = np.minimum(np.minimum(low[0::4], low[1::4]), np.minimum(low[2::4], low[3::4]))
    top = np.maximum(np.maximum(top[0::4], top[1::4]), np.maximum(top[2::4], top[3::4]))
    return low, top


def coarse_groups(x: F32, bits: int) -> Index:
    """Indices of the groups with `bits` low bits clear in their first four values.

    Practically no values of float32 tensors are so, but many that came from 16 bits are.
    """
    low = np.uint64(0x0000000100000001 * ((1 << bits) - 1))
    clear = (x[0].view(np.uint64) & low) == 0
    return np.flatnonzero(clear.view(np.uint16) == np.uint16(0x0101))


def take_groups(x: F32, index: Index) -> F32:
    """The groups of these indices, in quads."""
    groups: F32 = np.take(x.view(np.complex128), index, axis=1).view(np.float32)
    return groups


def take_rows(x: F32, index: Index) -> F32:
    """The groups of these indices, (indices, k)."""
    rows: F32 = np.ascontiguousarray(x.view(np.complex128)[:, index].T).view(np.float32)
    return rows


def weighted(x: F32, w: F32 | None) -> F32:
    """w·x in scratch memory, or x itself without weights."""
    if w is None:
        return x
    product: F32 = SCRATCH.take("weighted", x.shape)
    np.multiply(x, w, out=product)
    return product


def first_scale(x: F32, wx: F32) -> F32:
    """Σwx²/Σw|x| of each group (groups,), from x and w·x; 0 for a group of zeros.

    As the scale of three levels that is the best for a two-sided exponential distribution, 2 %
    above the best for a Gaussian, and exact for values that are ternary, with or without zeros.
    """
    term = SCRATCH.take("term", x.shape)
    below = group_sum(np.abs(wx, out=term))
    above = group_sum(np.multiply(wx, x, out=term))
    scale: F32 = above * reciprocal(below)
    return scale
