"""Q5_0: 32 codes of 5 bits and one scale, x = d·(q - 16)."""

from __future__ import annotations

import numpy as np

from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import (
    F32,
    Blocks,
    decode_scaled,
    pack_fifth,
    pack_nibbles,
    to_half,
    unpack_fifth,
)
from quantcli.codec.layout.block_parts import Exact, Parts
from quantcli.codec.search.scale import Search
from quantcli.codec.search.small_block import fit_symmetric

LAYOUT = block_layout(("d", "<f2"), ("qh", "<u4"), ("qs", "u1", (16,)))

SEARCHES = {
    "fast": Search(peaks=(-16.0,), refinements=0),
    "normal": Search(peaks=(-17.0, -16.1, -15.5, 15.2, 15.8), nudges=((0.2, 0), (-0.2, 0))),
    "best": Search(
        peaks=(
            *(-19.0, -17.8, -17.2, -16.8, -16.4, -16.2, -16.0, -15.8, -15.6, -15.4, -15.1, -14.7),
            *(14.3, 14.6, 14.9, 15.2, 15.5, 16.1, 17.0),
        ),
        means=(-6.0, 8.0),
        refinements=2,
        nudges=tuple((step, 0) for step in (0.4, -0.4, 0.2, -0.2, 0.1, -0.1, 0.2, -0.2)),
    ),
}


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Search the scale, round; see `Codec.encode`."""
    pack(fit_symmetric(x, weight, 16, search), out)


def pack(parts: Parts, out: Blocks) -> None:
    """Store the parts of blocks; see `Exact.pack`."""
    out["d"] = to_half(parts.d)
    codes = parts.codes[:, 0]
    out["qh"] = pack_fifth(codes)
    out["qs"] = pack_nibbles(codes & np.uint8(15))


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(q - 16); see `Codec.decode`."""
    codes = unpack_fifth(blocks)
    codes -= np.uint8(16)
    decode_scaled(codes.view(np.int8), blocks["d"].astype(np.float32), out)


CODEC = Codec(
    name="Q5_0",
    ggml_type=6,
    block=32,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    exact=Exact(tuple(range(-16, 16)), pack),
    weighted=True,
)
