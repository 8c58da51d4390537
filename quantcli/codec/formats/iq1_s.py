"""IQ1_S: 32 vectors of 8 values from 2048 points of -1, 0, 1, shifted by 1/8 up or down.

Groups of 32 share a 3-bit scale and the shift: x = d·(2·scale + 1)·(point ± 1/8).
"""

from __future__ import annotations

import numpy as np

from quantcli.codec import grids
from quantcli.codec.bits import F32, Blocks, decode_scaled, to_half
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.lattice import WIDE, LatticeSearch, fit_lattice
from quantcli.codec.points import Lattice
from quantcli.codec.search import Search

# qh: three high bits of each of the four numbers, the scale, the sign of the shift
LAYOUT = block_layout(("d", "<f2"), ("qs", "u1", (32,)), ("qh", "<u2", (8,)))
LATTICE = Lattice(
    "iq1_s",
    unit=1.0,
    levels=(-1, 0, 1),
    scales=8,
    signs="none",
    shifts=(0.125, -0.125),
    shared_shift=True,
)
HIGH = np.arange(0, 12, 3, dtype=np.uint16)


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_lattice(x, weight, LATTICE, search)
    out["d"] = to_half(fit.d)
    index = fit.index.T.astype(np.uint16)  # (n, groups, vectors); bit 11 is the shift
    out["qs"].reshape(-1, 8, 4)[:] = index & np.uint16(255)
    high = fit.scales.T.astype(np.uint16) << np.uint16(12)
    high |= (index[:, :, 0] >> np.uint16(11)) << np.uint16(15)
    for vector in range(4):
        part = (index[:, :, vector] >> np.uint16(8)) & np.uint16(7)
        high |= part << HIGH[vector]
    out["qh"] = high


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(2·scale + 1)·(point ± 1/8); see `Codec.decode`."""
    qh = blocks["qh"]
    index = ((qh[:, :, None] >> HIGH) & np.uint16(7)) << np.uint16(8)
    index |= (qh[:, :, None] >> np.uint16(15)) << np.uint16(11)
    index |= blocks["qs"].reshape(-1, 8, 4)
    vectors = grids.shifted_words("iq1_s")[index]
    scales = 2 * ((qh >> np.uint16(12)) & np.uint16(7)) + 1
    d = blocks["d"].astype(np.float32)[:, None] * np.float32(0.125)
    decode_scaled(vectors.view(np.int8), d * scales, out)


SEARCHES = {
    "fast": LatticeSearch(means=(0.7,), near=1, near_final=3, steps=((0, 0),)),
    "normal": LatticeSearch(means=(0.65, 0.8), near=1, near_final=6),
    "best": LatticeSearch(
        peaks=(1.5,), means=(0.6, 0.8), refinements=1, near=4, near_final=16, rounds=2, steps=WIDE
    ),
}

CODEC = Codec(
    name="IQ1_S",
    ggml_type=19,
    block=256,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    weighted=True,
    needs_importance=True,
)
