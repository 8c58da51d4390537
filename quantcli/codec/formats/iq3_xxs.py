"""IQ3_XXS: 64 vectors of 4 values from 256 points, an even number of minus signs in 8 values.

Groups of 32 have a 4-bit scale: x = d·(0.5 + scale)/2·point·sign.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec import grids
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import F32, Blocks, to_half
from quantcli.codec.search.lattice import EIGHT_LEVELS, fit_lattice
from quantcli.codec.search.lattice_points import Lattice
from quantcli.codec.search.scale import Search

LAYOUT = block_layout(("d", "<f2"), ("qs", "u1", (64,)), ("signs", "<u4", (8,)))
LATTICE = Lattice("iq3_xxs", unit=0.25, levels=(4, 12, 20, 28, 36, 44, 52, 62), signs="even")


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_lattice(x, weight, LATTICE, search)
    out["d"] = to_half(fit.d)
    out["qs"] = fit.index.reshape(-1, 64)
    out["signs"] = grids.pack_even_signs(fit.signs, fit.scales)


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(0.5 + scale)/2·point·sign; see `Codec.decode`."""
    vectors = grids.words("iq3_xxs")[blocks["qs"]].view(np.uint64)
    signs, scales = grids.unpack_even_signs(blocks["signs"])
    grids.apply_signs(vectors, signs)
    grids.decode(vectors, blocks["d"], scales, LATTICE.unit, out)


CODEC = Codec(
    name="IQ3_XXS",
    ggml_type=18,
    block=256,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    searches=EIGHT_LEVELS,
    weighted=True,
)
