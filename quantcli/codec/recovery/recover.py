"""Blocks that a format holds exactly: values that were decoded from the same format.

The searches minimise an error, and find the very scales of a decoded block by luck only. Here they
are recovered, so that encoding the float32 values of a decoded block gives them back bit for bit,
whatever the effort and importance. This is promised for the float32 values alone: stored as float16
or bfloat16 in between they are rounded, and then they are values like any others.

A screen over a few values of every block lets practically nothing pass but decoded blocks: the
ratio of two values (or differences of values) of a group must be that of two codes. Then:

- All values of a group over its largest must be ratios of codes. This leaves few levels v, its
  "tops", for the largest.
- In the group with the least choice, d = x/(s·v) is to be a float16 for a scale s. It must give the
  largest values of the other groups too.
- With a minimum, x above is the difference to the smallest value. The code of that smallest value,
  its `start`, then gives dmin·m, and the group with the least choice gives dmin as it gave d.
  Decoding rounds sums to float32, so all this holds up to half a unit in the last place.

A block found so replaces the searched one only if it decodes to the same bits, or at least to the
same numbers (of another format's blocks, zeros may have a sign that this one cannot give). Not
found are

- blocks whose minimum drowns the codes: where |dmin| exceeds 2¹²·|d|, float32 may have rounded too
  much of d·s·v - dmin·m away to tell the codes (values that differ by 1/4000 of their mean);
- some super-blocks of which all groups, or all but one, are constant, if both d and dmin matter.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from quantcli.codec.layout.bits import F32, Blocks, has_nonfinite
from quantcli.codec.layout.block_parts import Decode, Exact
from quantcli.codec.recovery.common_divisors import EFFORTS, solutions
from quantcli.codec.recovery.value_ratios import BLUR, I64, Groups, Mask, look_up, ratios_of

# Values of every block that the screen looks at.
_LOOK = 9
# Weights examined together.
_PIECE = 1 << 17


def suspects(exact: Exact, x: F32) -> I64:
    """Indices of the blocks x (n, groups, elements of a group) that are worth a closer look.

    The first values of a block decide, in a dozen operations on (n,).
    """
    return np.flatnonzero(_plausible(exact, x[:, 0, :3]))


def _plausible(exact: Exact, x: F32) -> Mask:
    """Mark the groups of which the values x (n, 3) may be decoded ones."""
    one, other = x[:, 0], x[:, 1]
    blur: F32 | np.float32 = BLUR
    if exact.has_min:
        base = x[:, 2]
        one, other = one - base, other - base
        share = np.abs(base) / np.maximum(np.abs(one), np.abs(other))
        blur = (share * BLUR + BLUR).astype(np.float32)
    ratio = np.abs(one / other)
    np.minimum(ratio, 1 / ratio, out=ratio)
    far = look_up(ratios_of(exact.levels).sizes, ratio, blur)[1]
    return ~far  # also 0/0


def restore(exact: Exact, decode: Decode, x: F32, index: I64, blocks: Blocks) -> None:
    """Replace blocks that do not decode to x by blocks that do, where such are found.

    Args:
        exact: what the format holds.
        decode: its decoder.
        x: values (n, groups, elements of a group); NaN and infinity count as 0.
        index: the blocks to look at, from `suspects`.
        blocks: (n,), as a search encoded them; changed in place, each by its own values alone.
    """
    for column in range(3, _LOOK - 2, 3):
        index = index[_plausible(exact, x[index, 0, column : column + 3])]
    step = max(1, _PIECE // (x.shape[1] * x.shape[2]))
    for start in range(0, len(index), step):
        place = index[start : start + step]
        values = x[place]
        if has_nonfinite(values):
            values[~np.isfinite(values)] = 0
        likely = _screen(exact, values)
        if len(likely):
            found = blocks[place[likely]]
            _replace(exact, decode, values[likely], found)
            blocks[place[likely]] = found


def _screen(exact: Exact, x: F32) -> I64:
    """Indices of the blocks x (n, groups, elements) whose first group may be a decoded one.

    Blocks of nothing but +0 are left out: any search encodes them exactly.
    """
    index = np.flatnonzero(Groups(exact, x[:, :1, :_LOOK]).possible)
    index = index[x[index].view(np.uint32).any(axis=(1, 2))]
    if len(index):
        index = index[Groups(exact, x[index, :1]).possible]
    return index


def _replace(exact: Exact, decode: Decode, x: F32, blocks: Blocks) -> None:
    """Replace what is found of blocks (n,) that should decode to x (n, groups, elements)."""
    # with a minimum no scale is negative: for a negative d, x is turned over
    signs = (1, -1) if exact.has_min else (1,)
    same, equal = _compare(decode, blocks, x)
    # few blocks with a minimum hold -0: where the numbers are right that is not looked into
    signed = (np.signbit(x) & (x == 0)).any(axis=(1, 2)) & exact.has_min
    hopeless = np.zeros((len(signs), len(x)), np.bool_)
    for thorough, (row, sign) in product((False, True), enumerate(signs)):
        index = np.flatnonzero(~(same | equal & signed & thorough) & ~hopeless[row])
        done = np.zeros(len(index), np.bool_)
        for place, parts in solutions(exact, x[index], sign, EFFORTS[thorough], done):
            at = index[place]
            trial = np.zeros(len(at), blocks.dtype)
            exact.pack(parts, trial)
            same[at], better = _compare(decode, trial, x[at])
            blocks[at[better]] = trial[better]
            equal[at] |= better
            done[place] = same[at] | equal[at] & signed[at] & thorough
        hopeless[row, index[done]] = True


def _compare(decode: Decode, blocks: Blocks, x: F32) -> tuple[Mask, Mask]:
    """Mark the blocks (n,) that decode to x (n, groups, elements) to the bit, and as numbers."""
    if not len(blocks):
        return np.zeros(0, np.bool_), np.zeros(0, np.bool_)
    decoded = np.empty_like(x)
    decode(blocks, decoded.reshape(len(x), -1))
    same: Mask = (decoded.view(np.uint32) == x.view(np.uint32)).all(axis=(1, 2))
    equal: Mask = (decoded == x).all(axis=(1, 2))
    return same, equal
