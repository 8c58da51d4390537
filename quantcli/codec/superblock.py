"""Fitting super-blocks: group scales as small integers times one or two float16 scales.

Arrays of a chunk are (elements of a group, groups of a super-block, super-blocks), so that a value
per super-block broadcasts over its groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quantcli.codec.bits import F32, SCRATCH, half_round
from quantcli.codec.search import Search, range_scale, reciprocal, round_codes, symmetric_scale


@dataclass(frozen=True, slots=True)
class RangeBlocks:
    """x ≈ d·scales·codes - dmin·mins; d, dmin (n,), scales, mins (groups, n), codes as x."""

    d: F32
    dmin: F32
    scales: F32
    mins: F32
    codes: F32


@dataclass(frozen=True, slots=True)
class SignedBlocks:
    """x ≈ d·scales·codes; d (n,), scales (groups, n), codes as x."""

    d: F32
    scales: F32
    codes: F32


def fit_range_blocks(x: F32, w: F32 | None, high: int, levels: int, search: Search) -> RangeBlocks:
    """Fit codes 0..high, scales and mins 0..levels. Overwrites nothing; codes are scratch."""
    elements, groups, count = x.shape
    flat = (elements, groups * count)
    scale, low = range_scale(
        x.reshape(flat), None if w is None else w.reshape(flat), high, search, free_min=False
    )
    scale = scale.reshape(groups, count)
    low = -low.reshape(groups, count)
    d = half_round(np.max(scale, axis=0) / np.float32(levels))
    dmin = half_round(np.max(low, axis=0) / np.float32(levels))
    scales = np.clip(np.rint(scale * reciprocal(d)), 0, levels).astype(np.float32)
    mins = np.clip(np.rint(low * reciprocal(dmin)), 0, levels).astype(np.float32)
    codes = SCRATCH.take("codes", x.shape)
    np.add(x, dmin * mins, out=codes)
    round_codes(codes, reciprocal(d * scales), 0, high, codes)
    return RangeBlocks(d, dmin, scales, mins, codes)


def fit_signed_blocks(
    x: F32, w: F32 | None, high: int, levels: int, search: Search
) -> SignedBlocks:
    """Fit codes -high..high-1 and scales -levels..levels-1. Codes are scratch."""
    elements, groups, count = x.shape
    flat = (elements, groups * count)
    scale = symmetric_scale(
        x.reshape(flat), None if w is None else w.reshape(flat), -high, high - 1, search
    ).reshape(groups, count)
    top, bottom = np.max(scale, axis=0), np.min(scale, axis=0)
    peak = np.where(top >= -bottom, top, bottom)
    d = half_round(peak / np.float32(-levels))
    scales = np.clip(np.rint(scale * reciprocal(d)), -levels, levels - 1).astype(np.float32)
    codes = SCRATCH.take("codes", x.shape)
    round_codes(x, reciprocal(d * scales), -high, high - 1, codes)
    return SignedBlocks(d, scales, codes)
