"""The formats of 32 values with a float16 scale, and maybe a minimum: Q4_0, Q4_1, Q5_0, Q5_1."""

from __future__ import annotations

import numpy as np

from quantcli.codec.layout.bits import F32, SCRATCH, half_round, reciprocal
from quantcli.codec.layout.block_parts import Parts
from quantcli.codec.search.scale import (
    Groups,
    Search,
    axes,
    diagonal,
    range_scale,
    round_codes,
    square,
    symmetric_scale,
)

# In code steps, so they serve 4 and 5 bits.
RANGE_SEARCHES = {
    "fast": Search(cuts=((0.0, 0.0), (0.3, 0.3))),
    "normal": Search(cuts=square(-0.2, 0.5), nudges=(*diagonal(0.5, 0.25), *diagonal(0.25, 0.12))),
    "best": Search(
        cuts=square(-0.4, 0.0, 0.4, 0.8),
        refinements=2,
        nudges=(
            *diagonal(0.5, 0.25),
            *axes(0.5, 0.33),
            *diagonal(0.25, 0.12),
            *axes(0.25, 0.16),
            *diagonal(0.12, 0.06),
        ),
    ),
}


def fit_symmetric(x: F32, weight: F32 | None, half: int, search: Search) -> Parts:
    """Fit x ≈ d·(q - half), q of 0..2·half - 1, to blocks x (32, 1, n); see `Codec.encode`."""
    values, w = _flat(x, weight)
    scale = half_round(symmetric_scale(Groups(values, w), -half, half - 1, search))
    codes = SCRATCH.take("codes", values.shape)
    round_codes(values, reciprocal(scale), -half, half - 1, codes)
    np.add(codes, np.float32(half), out=codes)
    return Parts(codes.astype(np.uint8)[:, None], scale)


def fit_range(x: F32, weight: F32 | None, high: int, search: Search) -> Parts:
    """Fit x ≈ d·q - dmin, q of 0..high, to blocks x (32, 1, n); see `Codec.encode`."""
    values, w = _flat(x, weight)
    scale, low = range_scale(values, w, high, search, free_min=True)
    scale, low = half_round(scale), half_round(low)
    codes = SCRATCH.take("codes", values.shape)
    np.subtract(values, low, out=codes)
    round_codes(codes, reciprocal(scale), 0, high, codes)
    return Parts(codes.astype(np.uint8)[:, None], scale, dmin=-low)


def _flat(x: F32, weight: F32 | None) -> tuple[F32, F32 | None]:
    """Values and weights as (32, n)."""
    return x[:, 0], None if weight is None else weight[:, 0]
