"""IQ2_S: 32 vectors of 8 values from 1024 points, a sign per value, 4-bit scales for 16 values.

x = d·(0.5 + scale)/4·point·sign.
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
    ("d", "<f2"), ("qs", "u1", (32,)), ("signs", "u1", (32,)), ("qh", "u1", (8,)),
    ("scales", "u1", (8,)),
)  # fmt: skip
LATTICE = Lattice("iq2_s", unit=0.125, levels=(8, 25, 43))


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_lattice(x, weight, LATTICE, search)
    count = x.shape[2]
    out["d"] = to_half(fit.d)
    index = fit.index.transpose(2, 1, 0).reshape(count, 8, 4)
    out["qs"] = (index & 255).reshape(count, 32)
    out["qh"] = ((index >> 8) << np.arange(0, 8, 2)).sum(axis=2)
    out["signs"] = fit.signs.transpose(2, 1, 0).reshape(count, 32)
    out["scales"] = (fit.scales[0::2] | (fit.scales[1::2] << np.uint8(4))).T


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(0.5 + scale)/4·point·sign; see `Codec.decode`."""
    high = (blocks["qh"][:, :, None] >> np.arange(0, 8, 2, dtype=np.uint8)) & np.uint8(3)
    index = high.reshape(-1, 32).astype(np.intp)
    index <<= 8
    index |= blocks["qs"]
    vectors = grids.words("iq2_s")[index]
    grids.apply_signs(vectors, grids.sign_words()[blocks["signs"]])
    d = blocks["d"].astype(np.float32)[:, None]
    scales = grids.nibbles(blocks["scales"]) + np.float32(0.5)
    decode_scaled(vectors.view(np.int8), d * scales * np.float32(0.25), out)


SEARCHES = {
    "fast": LatticeSearch(peaks=(38.7, 47.3), near=1, near_final=4, steps=((0, 0),)),
    "normal": LatticeSearch(peaks=(38.7, 47.3), means=(19.0, 23.0), near=2, near_final=16),
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
    name="IQ2_S",
    ggml_type=22,
    block=256,
    layout=LAYOUT,
    group=16,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    weighted=True,
)
