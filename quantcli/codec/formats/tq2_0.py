"""TQ2_0: 256 ternary values of 2 bits and one scale, x = d·(q - 1), q of 0, 1, 2.

The fourth code, 2d to decoders, is written only for values that were decoded from it.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import (
    F32,
    U8,
    Blocks,
    decode_scaled,
    field_bytes,
    fill_field,
    to_half,
    unpack_codes,
)
from quantcli.codec.layout.block_parts import Exact, Parts
from quantcli.codec.layout.lanes import codes_in_quads, from_quads
from quantcli.codec.layout.two_bits import pack_axis
from quantcli.codec.search.scale import Search
from quantcli.codec.search.ternary import SEARCHES, encode_ternary

LAYOUT = block_layout(("qs", "u1", (64,)), ("d", "<f2"))


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Search the scale, round; see `Codec.encode`."""
    _pack(encode_ternary(x, weight, search, out), out)


def pack(parts: Parts, out: Blocks) -> None:
    """Store codes and scales."""
    out["d"] = to_half(parts.d)
    _pack(codes_in_quads(parts.codes[:, 0]), out)


def _pack(codes: U8, out: Blocks) -> None:
    """Store codes, in quads."""
    parts = codes.reshape(2, 4, 8, -1)  # half, bits, fours of bytes
    packed = pack_axis(parts.transpose(1, 0, 2, 3)).reshape(16, -1)
    fill_field(out, "qs", from_quads(packed))


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(q - 1); see `Codec.decode`."""
    codes = unpack_codes(field_bytes(blocks, "qs").reshape(-1, 32), 2)
    codes -= np.uint8(1)
    decode_scaled(codes.view(np.int8), blocks["d"].astype(np.float32), out)


CODEC = Codec(
    name="TQ2_0",
    ggml_type=35,
    block=256,
    layout=LAYOUT,
    group=256,
    quads=True,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    weighted=True,
    exact=Exact((-1, 0, 1, 2), pack),
)
