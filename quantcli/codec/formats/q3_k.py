"""Q3_K: sixteen groups of 16 codes of 3 bits, with signed 6-bit scales.

x = d·(scale - 32)·(q - 4).
"""

from __future__ import annotations

import numpy as np

from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import (
    F32,
    Blocks,
    decode_scaled,
    field_bytes,
    to_half,
    unpack_codes,
)
from quantcli.codec.layout.block_parts import Exact, Parts
from quantcli.codec.layout.two_bits import pack_quarters
from quantcli.codec.search.scale import Search
from quantcli.codec.search.super_block import fit_signed_blocks

LAYOUT = block_layout(
    ("hmask", "u1", (32,)), ("qs", "u1", (64,)), ("scales", "u1", (12,)), ("d", "<f2")
)

SEARCHES = {
    "fast": Search(peaks=(-4.2,), refinements=0),
    "normal": Search(
        peaks=(-4.6, -3.7, 3.1),
        means=(-1.5,),
        refinements=0,
        rounds=1,
        steps=((0, 0), (1, 0), (-1, 0)),
    ),
    # Far apart at the ends: with importance the largest value of a group may matter least.
    "best": Search(
        peaks=(
            *(-16.0, -12.0, -9.0, -7.0, -5.8, -5.0, -4.5, -4.1, -3.8, -3.5, -3.2),
            *(2.8, 3.1, 3.4, 3.8, 4.3, 5.0, 6.0, 8.0, 11.0, 15.0),
        ),
        means=(-2.0, 2.0),
        refinements=2,
        rounds=3,
        steps=tuple((step, 0) for step in (0, 1, -1, 2, -2)),
    ),
}


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_signed_blocks(x, weight, 4, 32, search)
    codes = (fit.codes + np.float32(4)).astype(np.uint8)
    pack(Parts(codes, fit.d, fit.scales), out)


def pack(parts: Parts, out: Blocks) -> None:
    """Store the parts of blocks; see `Exact.pack`."""
    count = len(out)
    out["d"] = to_half(parts.d)
    scales = (parts.scales + np.float32(32)).astype(np.uint8)
    packed = np.zeros((12, count), np.uint8)
    packed[:8] = (scales[:8] & 15) | ((scales[8:] & 15) * np.uint8(16))
    for part in range(4):
        packed[8:] |= (scales[4 * part : 4 * part + 4] >> np.uint8(4)) * np.uint8(4**part)
    out["scales"] = packed.T
    out["qs"] = pack_quarters(parts.codes & np.uint8(3))
    # element 32·bit + 16·half + i: bit `bit` of byte 16·half + i
    high = (parts.codes >> np.uint8(2)).reshape(16, 8, 2, count)
    mask = high[:, 7].copy()
    for bit in range(6, -1, -1):
        mask *= np.uint8(2)
        mask |= high[:, bit]
    out["hmask"].reshape(count, 2, 16)[:] = mask.transpose(2, 1, 0)


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = (d·(scale - 32))·(q - 4); see `Codec.decode`."""
    packed = field_bytes(blocks, "scales")
    scales = np.empty((len(blocks), 16), np.uint8)
    scales[:, :8] = packed[:, :8] & 15
    scales[:, 8:] = packed[:, :8] >> 4
    for part in range(4):
        scales[:, 4 * part : 4 * part + 4] |= ((packed[:, 8:] >> (2 * part)) & 3) * np.uint8(16)
    scales -= np.uint8(32)
    scale = scales.view(np.int8) * blocks["d"].astype(np.float32)[:, None]
    codes = unpack_codes(field_bytes(blocks, "qs").reshape(-1, 32), 2).reshape(out.shape)
    high = unpack_codes(field_bytes(blocks, "hmask"), 1)
    high *= np.uint8(4)
    codes |= high
    codes -= np.uint8(4)
    decode_scaled(codes.view(np.int8), scale, out)


CODEC = Codec(
    name="Q3_K",
    ggml_type=11,
    block=256,
    layout=LAYOUT,
    group=16,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    exact=Exact(tuple(range(-4, 4)), pack, scales=(-32, 31)),
    weighted=True,
)
