"""IQ2_S: 32 vectors of 8 values from 1024 points, a sign per value, 4-bit scales for 16 values.

x = d·(0.5 + scale)/4·point·sign.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec import grids
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import F32, Blocks, to_half
from quantcli.codec.search.lattice import THREE_LEVELS, fit_lattice
from quantcli.codec.search.lattice_points import Lattice
from quantcli.codec.search.scale import Search

LAYOUT = block_layout(
    ("d", "<f2"), ("qs", "u1", (32,)), ("signs", "u1", (32,)), ("qh", "u1", (8,)),
    ("scales", "u1", (8,)),
)  # fmt: skip
LATTICE = Lattice("iq2_s", unit=0.125, levels=(8, 25, 43))
HIGH = np.arange(0, 8, 2, dtype=np.uint16)  # places of the numbers' high bits in `qh`


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_lattice(x, weight, LATTICE, search)
    out["d"] = to_half(fit.d)
    index = fit.index.reshape(-1, 8, 4)
    out["qs"] = index.reshape(-1, 32) & np.uint16(255)
    out["qh"] = np.bitwise_or.reduce((index >> np.uint16(8)) << HIGH, axis=2)
    out["signs"] = fit.signs.reshape(-1, 32)
    out["scales"] = grids.pack_scales(fit.scales)


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(0.5 + scale)/4·point·sign; see `Codec.decode`."""
    index = ((blocks["qh"][:, :, None] >> HIGH) & np.uint16(3)) << np.uint16(8)
    vectors = grids.words("iq2_s")[index.reshape(-1, 32) | blocks["qs"]]
    grids.apply_signs(vectors, grids.sign_words()[blocks["signs"]])
    scales = grids.unpack_scales(blocks["scales"])
    grids.decode(vectors, blocks["d"], scales, LATTICE.unit, out)


CODEC = Codec(
    name="IQ2_S",
    ggml_type=22,
    block=256,
    layout=LAYOUT,
    group=16,
    encode=encode,
    decode=decode,
    searches=THREE_LEVELS,
    weighted=True,
)
