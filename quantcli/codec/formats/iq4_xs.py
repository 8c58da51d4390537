"""IQ4_XS: eight groups of 32 codes of 4 bits for unevenly spaced levels, with 6-bit scales.

x = d·(scale - 32)·v.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import F32, Blocks, decode_nibbles, field_bytes, reciprocal, to_half
from quantcli.codec.layout.block_parts import Exact, Parts
from quantcli.codec.search.codebook import (
    LEVELS,
    MANY_PEAKS,
    LevelSearch,
    fit_level_blocks,
    level_codes,
)
from quantcli.codec.search.scale import Groups, Search

LAYOUT = block_layout(
    ("d", "<f2"), ("scales_h", "<u2"), ("scales_l", "u1", (4,)), ("qs", "u1", (128,))
)

SEARCHES = {
    "fast": LevelSearch(peaks=(-127.0, 113.0), refinements=0, headrooms=(1.0, 1.03, 1.06, 1.1)),
    "normal": LevelSearch(
        peaks=(-140.0, -127.0, -118.0, -110.0, 104.0, 113.0, 121.0),
        anchored=True,
        rounds=1,
        headrooms=tuple(0.98 + 0.025 * step for step in range(12)),
    ),
    "best": LevelSearch(
        peaks=MANY_PEAKS,
        anchored=True,
        refinements=2,
        rounds=4,
        headrooms=tuple(0.97 + 0.015 * step for step in range(40)),
        steps=tuple((step, 0) for step in (0, 1, -1, 2, -2)),
    ),
}


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_level_blocks(Groups(x, weight), 32, search)
    codes = level_codes(x, reciprocal(fit.scales * fit.d))
    pack(Parts(codes, fit.d, fit.scales), out)


def pack(parts: Parts, out: Blocks) -> None:
    """Store the parts of blocks; see `Exact.pack`."""
    out["d"] = to_half(parts.d)
    scales = (parts.scales + np.float32(32)).astype(np.uint8)
    out["scales_l"] = ((scales[0::2] & 15) | ((scales[1::2] & 15) * np.uint8(16))).T
    high = np.zeros(scales.shape[1], np.uint16)
    for group, scale in enumerate(scales >> np.uint8(4)):
        high |= scale.astype(np.uint16) << np.uint16(2 * group)
    out["scales_h"] = high
    codes = parts.codes
    packed = codes[:16] | (codes[16:] * np.uint8(16))
    out["qs"].reshape(-1, 8, 16)[:] = packed.T


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(scale - 32)·v; see `Codec.decode`."""
    groups = np.arange(8, dtype=np.uint16)
    low = np.repeat(blocks["scales_l"], 2, axis=1) >> (groups % 2 * 4).astype(np.uint8)
    high = (blocks["scales_h"][:, None] >> (2 * groups)) & np.uint16(3)
    scales = ((low & np.uint8(15)) + high * np.uint16(16)).astype(np.float32) - np.float32(32)
    scale = scales * blocks["d"].astype(np.float32)[:, None]
    decode_nibbles(LEVELS, field_bytes(blocks, "qs").reshape(-1, 16), scale, out)


CODEC = Codec(
    name="IQ4_XS",
    ggml_type=23,
    block=256,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    exact=Exact(tuple(int(level) for level in LEVELS), pack, scales=(-32, 31)),
    weighted=True,
)
