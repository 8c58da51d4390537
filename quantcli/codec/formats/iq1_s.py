"""IQ1_S: 32 vectors of 8 values from 2048 points of -1, 0, 1, shifted by 1/8 up or down.

Groups of 32 share a 3-bit scale and the shift: x = d·(2·scale + 1)·(point ± 1/8).
"""

from __future__ import annotations

import numpy as np

from quantcli.codec import grids
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import F32, Blocks, to_half
from quantcli.codec.search.lattice import TERNARY, fit_lattice
from quantcli.codec.search.lattice_points import Lattice
from quantcli.codec.search.scale import Search

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
    out["qs"] = fit.index.reshape(-1, 32) & np.uint16(255)
    high = ((fit.index >> np.uint16(8)) & np.uint16(7)) << HIGH
    qh = np.bitwise_or.reduce(high, axis=2)
    qh |= fit.scales.astype(np.uint16) << np.uint16(12)
    qh |= (fit.index[:, :, 0] >> np.uint16(11)) << np.uint16(15)  # the shift
    out["qh"] = qh


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(2·scale + 1)·(point ± 1/8); see `Codec.decode`."""
    qh = blocks["qh"]
    index = ((qh[:, :, None] >> HIGH) & np.uint16(7)) << np.uint16(8)
    index |= (qh[:, :, None] >> np.uint16(15)) << np.uint16(11)
    index |= blocks["qs"].reshape(-1, 8, 4)
    scales = ((qh >> np.uint16(12)) & np.uint16(7)).astype(np.uint8)
    grids.decode(grids.shifted_words("iq1_s")[index], blocks["d"], scales, 0.125, out)


CODEC = Codec(
    name="IQ1_S",
    ggml_type=19,
    block=256,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    searches=TERNARY,
    weighted=True,
    needs_importance=True,
)
