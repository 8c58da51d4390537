"""IQ2_XS: 32 vectors of 8 values from 512 points, an even number of minus signs in each.

Groups of 16 have a 4-bit scale: x = d·(0.5 + scale)/4·point·sign.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec import grids
from quantcli.codec.bits import F32, Blocks, decode_scaled, to_half
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.lattice import WIDE, LatticeSearch, fit_lattice
from quantcli.codec.points import Lattice
from quantcli.codec.search import Search

# a vector is 9 bits number of the point, then 7 bits of signs
LAYOUT = block_layout(("d", "<f2"), ("qs", "<u2", (32,)), ("scales", "u1", (8,)))
LATTICE = Lattice("iq2_xs", unit=0.125, levels=(8, 25, 43), signs="even")


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_lattice(x, weight, LATTICE, search)
    out["d"] = to_half(fit.d)
    signs = (fit.signs & np.uint8(127)).astype(np.uint16) << np.uint16(9)
    out["qs"].reshape(-1, 16, 2)[:] = (fit.index.astype(np.uint16) | signs).T
    out["scales"] = (fit.scales[0::2] | (fit.scales[1::2] << np.uint8(4))).T


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(0.5 + scale)/4·point·sign; see `Codec.decode`."""
    vectors = grids.words("iq2_xs")[blocks["qs"] & np.uint16(511)]
    grids.apply_signs(vectors, grids.even_sign_words()[blocks["qs"] >> np.uint16(9)])
    d = blocks["d"].astype(np.float32)[:, None]
    scales = grids.nibbles(blocks["scales"]) + np.float32(0.5)
    decode_scaled(vectors.view(np.int8), d * scales * np.float32(0.25), out)


SEARCHES = {
    "fast": LatticeSearch(peaks=(38.7, 47.3), near=1, near_final=6, steps=((0, 0),)),
    "normal": LatticeSearch(peaks=(34.4, 43, 51.6), means=(21.0,), near=2, near_final=20),
    "best": LatticeSearch(
        peaks=(35.0, 39.0, 43.0, 47.0, 52.0),
        means=(19.0, 23.0),
        refinements=1,
        near=4,
        near_final=24,
        rounds=3,
        steps=WIDE,
    ),
}

CODEC = Codec(
    name="IQ2_XS",
    ggml_type=17,
    block=256,
    layout=LAYOUT,
    group=16,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    weighted=True,
    needs_importance=True,
)
