"""Q6_K: sixteen groups of 16 codes of 6 bits, with signed 8-bit scales.

x = d·scale·(q - 32).
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
from quantcli.codec.search.scale import Search
from quantcli.codec.search.super_block import fit_signed_blocks

LAYOUT = block_layout(
    ("ql", "u1", (128,)), ("qh", "u1", (64,)), ("scales", "i1", (16,)), ("d", "<f2")
)

SEARCHES = {
    "fast": Search(peaks=(-32.0, 30.9), refinements=0),
    # Scales coarser than the finest one that cuts nothing often fit better by chance.
    "normal": Search(
        peaks=(-32.0, 30.9),
        refinements=0,
        rounds=1,
        headroom=1.05,
        steps=((0, 0), (3, 0), (6, 0), (10, 0), (-2, 0)),
    ),
    "best": Search(
        peaks=(-32.0, -31.0, -30.0, -29.0, -28.0, -27.0, 31.5, 30.5, 29.5, 28.5, 27.0),
        means=(-12.0,),
        refinements=0,
        rounds=2,
        headroom=1.05,
        steps=tuple(
            (step, 0)
            for step in (0, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 18, 21, 24, -1, -2, -3, -4, -6)
        ),
    ),
}


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_signed_blocks(x, weight, 32, 128, search)
    np.add(fit.codes, np.float32(32), out=fit.codes)
    pack(Parts(fit.codes.astype(np.uint8), fit.d, fit.scales), out)


def pack(parts: Parts, out: Blocks) -> None:
    """Store the parts of blocks; see `Exact.pack`."""
    out["d"] = to_half(parts.d)
    out["scales"] = parts.scales.astype(np.int8).T
    count = len(out)
    # element, half, quarter of 32 elements, group of the quarter
    codes = parts.codes.reshape(16, 2, 4, 2, count)
    low = codes & np.uint8(15)
    ql = low[:, :, :2] | (low[:, :, 2:] << np.uint8(4))
    out["ql"].reshape(count, 2, 2, 2, 16)[:] = ql.transpose(4, 1, 2, 3, 0)
    high = codes >> np.uint8(4)
    qh = high[:, :, 0]
    for quarter in range(1, 4):
        qh = qh | (high[:, :, quarter] << np.uint8(2 * quarter))
    out["qh"].reshape(count, 2, 2, 16)[:] = qh.transpose(3, 1, 2, 0)


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = (d·scale)·(q - 32); see `Codec.decode`."""
    codes = unpack_codes(field_bytes(blocks, "ql").reshape(-1, 64), 4).reshape(out.shape)
    high = unpack_codes(field_bytes(blocks, "qh").reshape(-1, 32), 2).reshape(out.shape)
    high *= np.uint8(16)
    codes |= high
    codes -= np.uint8(32)
    scale = blocks["scales"] * blocks["d"].astype(np.float32)[:, None]
    decode_scaled(codes.view(np.int8), scale, out)


CODEC = Codec(
    name="Q6_K",
    ggml_type=14,
    block=256,
    layout=LAYOUT,
    group=16,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    exact=Exact(tuple(range(-32, 32)), pack, scales=(-128, 127)),
    weighted=True,
)
