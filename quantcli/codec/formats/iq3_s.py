"""IQ3_S: 64 vectors of 4 values from 512 points, a sign per value, 4-bit scales for groups of 32.

x = d·(2·scale + 1)·point·sign.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec import grids
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import F32, Blocks, to_half
from quantcli.codec.search.lattice import EIGHT_LEVELS, fit_lattice
from quantcli.codec.search.lattice_points import Lattice
from quantcli.codec.search.scale import Search

LAYOUT = block_layout(
    ("d", "<f2"), ("qs", "u1", (64,)), ("qh", "u1", (8,)), ("signs", "u1", (32,)),
    ("scales", "u1", (4,)),
)  # fmt: skip
LATTICE = Lattice("iq3_s", unit=1.0, levels=(1, 3, 5, 7, 9, 11, 13, 15))


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_lattice(x, weight, LATTICE, search)
    out["d"] = to_half(fit.d)
    index = fit.index.reshape(-1, 64)
    out["qs"] = index & np.uint16(255)
    out["qh"] = np.packbits(index > np.uint16(255), axis=1, bitorder="little")
    out["signs"] = fit.signs.reshape(-1, 32)
    out["scales"] = grids.pack_scales(fit.scales)


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(2·scale + 1)·point·sign; see `Codec.decode`."""
    index = np.unpackbits(blocks["qh"], axis=1, bitorder="little").astype(np.uint16)
    index <<= np.uint16(8)
    index |= blocks["qs"]
    vectors = grids.words("iq3_s")[index].view(np.uint64)
    grids.apply_signs(vectors, grids.sign_words()[blocks["signs"]])
    scales = grids.unpack_scales(blocks["scales"])
    grids.decode(vectors, blocks["d"], scales, LATTICE.unit, out)


CODEC = Codec(
    name="IQ3_S",
    ggml_type=21,
    block=256,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    searches=EIGHT_LEVELS,
    weighted=True,
)
