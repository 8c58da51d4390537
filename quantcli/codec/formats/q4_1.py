"""Q4_1: 32 codes of 4 bits, a scale and a minimum, x = d·q + m."""

from __future__ import annotations

import numpy as np

from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import (
    F32,
    Blocks,
    decode_scaled,
    field_bytes,
    pack_nibbles,
    repeat_scale,
    to_half,
    unpack_codes,
)
from quantcli.codec.layout.block_parts import Exact, Parts
from quantcli.codec.search.scale import Search
from quantcli.codec.search.small_block import RANGE_SEARCHES, fit_range

LAYOUT = block_layout(("d", "<f2"), ("m", "<f2"), ("qs", "u1", (16,)))


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Search scale and minimum, round; see `Codec.encode`."""
    pack(fit_range(x, weight, 15, search), out)


def pack(parts: Parts, out: Blocks) -> None:
    """Store the parts of blocks; see `Exact.pack`."""
    out["d"] = to_half(parts.d)
    out["m"] = to_half(-parts.dmin)
    out["qs"] = pack_nibbles(parts.codes[:, 0])


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·q + m; see `Codec.decode`."""
    codes = unpack_codes(field_bytes(blocks, "qs"), 4)
    decode_scaled(codes, blocks["d"].astype(np.float32), out)
    values = out.reshape(-1)
    np.add(values, repeat_scale(blocks["m"].astype(np.float32), values.size), out=values)


CODEC = Codec(
    name="Q4_1",
    ggml_type=3,
    block=32,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    searches=RANGE_SEARCHES,
    exact=Exact(tuple(range(16)), pack, mins=(1, 1)),
    scales=("d", "m"),
    weighted=True,
)
