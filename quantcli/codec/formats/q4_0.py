"""Q4_0: 32 codes of 4 bits and one scale, x = d·(q - 8)."""

from __future__ import annotations

import numpy as np

from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import (
    F32,
    Blocks,
    decode_scaled,
    field_bytes,
    pack_nibbles,
    to_half,
    unpack_codes,
)
from quantcli.codec.layout.block_parts import Exact, Parts
from quantcli.codec.search.scale import Search
from quantcli.codec.search.small_block import fit_symmetric

LAYOUT = block_layout(("d", "<f2"), ("qs", "u1", (16,)))

SEARCHES = {
    "fast": Search(peaks=(-8.0,), refinements=0),
    "normal": Search(
        peaks=(-9.0, -8.2, -7.6, 7.3), means=(-3.0,), refinements=0, nudges=((0.2, 0), (-0.2, 0))
    ),
    "best": Search(
        peaks=(
            *(-11.0, -9.8, -9.2, -8.8, -8.4, -8.2, -8.0, -7.8, -7.6, -7.4, -7.1, -6.7),
            *(6.3, 6.6, 6.9, 7.2, 7.5, 8.1, 9.0),
        ),
        means=(-3.0, 4.0),
        refinements=2,
        nudges=tuple((step, 0) for step in (0.4, -0.4, 0.2, -0.2, 0.1, -0.1, 0.2, -0.2)),
    ),
}


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Search the scale, round; see `Codec.encode`."""
    pack(fit_symmetric(x, weight, 8, search), out)


def pack(parts: Parts, out: Blocks) -> None:
    """Store the parts of blocks; see `Exact.pack`."""
    out["d"] = to_half(parts.d)
    out["qs"] = pack_nibbles(parts.codes[:, 0])


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(q - 8); see `Codec.decode`."""
    codes = unpack_codes(field_bytes(blocks, "qs"), 4)
    codes -= np.uint8(8)
    decode_scaled(codes.view(np.int8), blocks["d"].astype(np.float32), out)


CODEC = Codec(
    name="Q4_0",
    ggml_type=2,
    block=32,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    exact=Exact(tuple(range(-8, 8)), pack),
    weighted=True,
)
