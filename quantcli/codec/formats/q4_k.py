"""Q4_K: eight groups of 32 codes of 4 bits, with 6-bit scales and 6-bit minimums.

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
    unpack_codes,
    unpack_scales_k4,
)
from quantcli.codec.layout.block_parts import Exact, Parts
from quantcli.codec.search.scale import Search, neighbours, square
from quantcli.codec.search.super_block import fit_range_blocks, store_scales_k4

LAYOUT = block_layout(("d", "<f2"), ("dmin", "<f2"), ("scales", "u1", (12,)), ("qs", "u1", (128,)))

SEARCHES = {
    "fast": Search(cuts=((0.0, 0.0), (0.6, 0.1), (0.1, 0.6)), refinements=0),
    "normal": Search(
        cuts=square(-0.2, 0.5),
        rounds=1,
        headroom=1.03,
        steps=((0, 0), (2, 2), (-1, -1), (1, 0), (0, 1)),
    ),
    "best": Search(
        cuts=square(-0.5, -0.1, 0.2, 0.5, 0.8),
        rounds=2,
        steps=(
            *((0, 0), *neighbours(1)),
            *((2, 2), (-2, -2), (3, 3), (-3, -3), (2, 1), (1, 2), (-1, -2), (-2, -1)),
        ),
    ),
}


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_range_blocks(x, weight, 15, 63, search)
    pack(Parts(fit.codes.astype(np.uint8), fit.d, fit.scales, fit.dmin, fit.mins), out)


def pack(parts: Parts, out: Blocks) -> None:
    """Store the parts of blocks; see `Exact.pack`."""
    store_scales_k4(parts, out)
    codes = parts.codes
    packed = codes[:, 0::2] | (codes[:, 1::2] << np.uint8(4))
    out["qs"].reshape(-1, 4, 32)[:] = packed.T


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = (d·scale)·q - dmin·min; see `Codec.decode`."""
    scales, mins = unpack_scales_k4(field_bytes(blocks, "scales"))
    scale = scales * blocks["d"].astype(np.float32)[:, None]
    low = mins * blocks["dmin"].astype(np.float32)[:, None]
    decode_scaled(unpack_codes(field_bytes(blocks, "qs").reshape(-1, 32), 4), scale, out)
    values = out.reshape(-1)
    np.subtract(values, repeat_scale(low, values.size), out=values)


CODEC = Codec(
    name="Q4_K",
    ggml_type=12,
    block=256,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    exact=Exact(tuple(range(16)), pack, scales=(0, 63), mins=(0, 63)),
    scales=("d", "dmin"),
    weighted=True,
)
