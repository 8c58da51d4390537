"""IQ3_S: 64 vectors of 4 values from 512 points, a sign per value, 4-bit scales for groups of 32.

x = d·(2·scale + 1)·point·sign.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec import grids
from quantcli.codec.bits import F32, Blocks, decode_scaled, to_half
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.lattice import WIDE, LatticeSearch, fit_lattice
from quantcli.codec.points import Lattice
from quantcli.codec.search import Search

LAYOUT = block_layout(
    ("d", "<f2"), ("qs", "u1", (64,)), ("qh", "u1", (8,)), ("signs", "u1", (32,)),
    ("scales", "u1", (4,)),
)  # fmt: skip
LATTICE = Lattice("iq3_s", unit=1.0, levels=(1, 3, 5, 7, 9, 11, 13, 15))


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_lattice(x, weight, LATTICE, search)
    count = x.shape[2]
    out["d"] = to_half(fit.d)
    index = fit.index.transpose(2, 1, 0).reshape(count, 8, 8)
    out["qs"] = (index & 255).reshape(count, 64)
    out["qh"] = np.packbits(index >= 256, axis=2, bitorder="little")[:, :, 0]
    out["signs"] = fit.signs.transpose(2, 1, 0).reshape(count, 32)
    out["scales"] = (fit.scales[0::2] | (fit.scales[1::2] << np.uint8(4))).T


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(2·scale + 1)·point·sign; see `Codec.decode`."""
    index = np.unpackbits(blocks["qh"], axis=1, bitorder="little").astype(np.intp)
    index <<= 8
    index |= blocks["qs"]
    vectors = grids.words("iq3_s")[index].view(np.uint64)
    grids.apply_signs(vectors, grids.sign_words()[blocks["signs"]])
    d = blocks["d"].astype(np.float32)[:, None]
    decode_scaled(vectors.view(np.int8), d * (2 * grids.nibbles(blocks["scales"]) + 1), out)


SEARCHES = {
    "fast": LatticeSearch(peaks=(13.5, 16.1), near=1, near_final=4, steps=((0, 0),)),
    "normal": LatticeSearch(peaks=(12.8, 14.2, 15.8, 17.5), near=2, near_final=10),
    "best": LatticeSearch(
        peaks=(12.4, 13.5, 14.5, 15.6, 16.8, 18, 19.5),
        refinements=1,
        near=3,
        near_final=16,
        rounds=3,
        steps=WIDE,
    ),
}

CODEC = Codec(
    name="IQ3_S",
    ggml_type=21,
    block=256,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    weighted=True,
)
