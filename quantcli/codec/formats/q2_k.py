"""Q2_K: sixteen groups of 16 codes of 2 bits, with 4-bit scales and 4-bit minimums.

x = d·scale·q - dmin·min.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import (
    F32,
    Blocks,
    decode_scaled,
    field_bytes,
    repeat_scale,
    to_half,
    unpack_codes,
)
from quantcli.codec.layout.block_parts import Exact, Parts
from quantcli.codec.layout.two_bits import pack_quarters
from quantcli.codec.search.scale import Search, neighbours, square
from quantcli.codec.search.super_block import fit_range_blocks

LAYOUT = block_layout(("scales", "u1", (16,)), ("qs", "u1", (64,)), ("d", "<f2"), ("dmin", "<f2"))

SEARCHES = {
    "fast": Search(cuts=square(0.0, 0.4), refinements=0),
    "normal": Search(
        cuts=square(0.0, 0.4), rounds=1, steps=((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
    ),
    "best": Search(
        cuts=square(-0.3, 0.0, 0.3, 0.6),
        refinements=2,
        rounds=4,
        steps=((0, 0), *neighbours(1)),
    ),
}


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_range_blocks(x, weight, 3, 15, search)
    pack(Parts(fit.codes.astype(np.uint8), fit.d, fit.scales, fit.dmin, fit.mins), out)


def pack(parts: Parts, out: Blocks) -> None:
    """Store the parts of blocks; see `Exact.pack`."""
    out["d"] = to_half(parts.d)
    out["dmin"] = to_half(parts.dmin)
    out["scales"] = (parts.scales + parts.mins * np.float32(16)).astype(np.uint8).T
    out["qs"] = pack_quarters(parts.codes)


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = (d·scale)·q - dmin·min; see `Codec.decode`."""
    scales = field_bytes(blocks, "scales")
    scale = (scales & np.uint8(15)) * blocks["d"].astype(np.float32)[:, None]
    low = (scales >> np.uint8(4)) * blocks["dmin"].astype(np.float32)[:, None]
    decode_scaled(unpack_codes(field_bytes(blocks, "qs").reshape(-1, 32), 2), scale, out)
    values = out.reshape(-1)
    np.subtract(values, repeat_scale(low, values.size), out=values)


CODEC = Codec(
    name="Q2_K",
    ggml_type=10,
    block=256,
    layout=LAYOUT,
    group=16,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    exact=Exact(tuple(range(4)), pack, scales=(0, 15), mins=(0, 15)),
    scales=("d", "dmin"),
    weighted=True,
)
