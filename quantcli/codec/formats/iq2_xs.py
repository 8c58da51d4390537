"""IQ2_XS: 32 vectors of 8 values from 512 points, an even number of minus signs in each.

Groups of 16 have a 4-bit scale: x = d·(0.5 + scale)/4·point·sign.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec import grids
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import F32, Blocks, to_half
from quantcli.codec.search.lattice import THREE_LEVELS, fit_lattice
from quantcli.codec.search.lattice_points import Lattice
from quantcli.codec.search.scale import Search

# a vector is 9 bits number of the point, then 7 bits of signs
LAYOUT = block_layout(("d", "<f2"), ("qs", "<u2", (32,)), ("scales", "u1", (8,)))
LATTICE = Lattice("iq2_xs", unit=0.125, levels=(8, 25, 43), signs="even")


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_lattice(x, weight, LATTICE, search)
    out["d"] = to_half(fit.d)
    signs = (fit.signs & np.uint8(127)).astype(np.uint16) << np.uint16(9)
    out["qs"] = (fit.index | signs).reshape(-1, 32)
    out["scales"] = grids.pack_scales(fit.scales)


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(0.5 + scale)/4·point·sign; see `Codec.decode`."""
    vectors = grids.words("iq2_xs")[blocks["qs"] & np.uint16(511)]
    grids.apply_signs(vectors, grids.even_sign_words()[blocks["qs"] >> np.uint16(9)])
    scales = grids.unpack_scales(blocks["scales"])
    grids.decode(vectors, blocks["d"], scales, LATTICE.unit, out)


CODEC = Codec(
    name="IQ2_XS",
    ggml_type=17,
    block=256,
    layout=LAYOUT,
    group=16,
    encode=encode,
    decode=decode,
    searches=THREE_LEVELS,
    weighted=True,
    needs_importance=True,
)
