"""IQ2_XXS: 32 vectors of 8 values from 256 points, an even number of minus signs in each.

Groups of 32 have a 4-bit scale: x = d·(0.5 + scale)/4·point·sign.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec import grids
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import F32, Blocks, to_half
from quantcli.codec.search.lattice import THREE_LEVELS, fit_lattice
from quantcli.codec.search.lattice_points import Lattice
from quantcli.codec.search.scale import Search

# a group is four numbers of points, then a word of four 7-bit sign codes and the scale
LAYOUT = block_layout(("d", "<f2"), ("qs", "u1", (8, 8)))
LATTICE = Lattice("iq2_xxs", unit=0.125, levels=(8, 25, 43), signs="even")


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_lattice(x, weight, LATTICE, search)
    out["d"] = to_half(fit.d)
    out["qs"][:, :, :4] = fit.index
    words = grids.pack_even_signs(fit.signs, fit.scales)
    out["qs"][:, :, 4:] = words.astype("<u4").view(np.uint8).reshape(-1, 8, 4)


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(0.5 + scale)/4·point·sign; see `Codec.decode`."""
    vectors = grids.words("iq2_xxs")[blocks["qs"][:, :, :4]].reshape(-1, 32)
    words = np.ascontiguousarray(blocks["qs"][:, :, 4:]).view("<u4")[:, :, 0]
    signs, scales = grids.unpack_even_signs(words)
    grids.apply_signs(vectors, signs)
    grids.decode(vectors, blocks["d"], scales, LATTICE.unit, out)


CODEC = Codec(
    name="IQ2_XXS",
    ggml_type=16,
    block=256,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    searches=THREE_LEVELS,
    weighted=True,
    needs_importance=True,
)
