"""Q2_0: 64 codes of 2 bits and one scale, x = d·(q - 1), q of 0..3.

The codes reach from -d to 2d; with a negative scale the longer side is the negative one. The C
reference's encoder maps the largest magnitude to d and never uses the code 3.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec.bits import F32, Blocks, decode_scaled, field_bytes, half_round, to_half
from quantcli.codec.codebook import level_scale
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.quarters import pack_axis
from quantcli.codec.search import Groups, Search, reciprocal, round_codes

LAYOUT = block_layout(("d", "<f2"), ("qs", "u1", (16,)))

SEARCHES = {
    "fast": Search(peaks=(2.5,), refinements=0),
    "normal": Search(peaks=(1.0, 2.5, -2.5), refinements=1),
    "best": Search(
        peaks=(1.0, 1.6, 1.9, 2.2, 2.5, 2.9, 3.5, -1.0, -1.4, -1.8, -2.2, -2.6, -3.2),
        refinements=2,
        nudges=((0.1, 0), (-0.1, 0), (0.05, 0), (-0.05, 0)),
    ),
}


def snap(x: F32, factor: F32, out: F32) -> None:
    """Round x·factor to the codes, less one."""
    round_codes(x, factor, -1, 2, out)


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Search the scale, round; see `Codec.encode`."""
    values = x[:, 0]
    groups = Groups(values, None if weight is None else weight[:, 0])
    scale = half_round(level_scale(groups, snap, search))
    codes = groups.codes
    snap(values, reciprocal(scale), codes)
    np.add(codes, np.float32(1), out=codes)
    out["d"] = to_half(scale)
    quants = codes.astype(np.uint8).reshape(16, 4, -1)
    out["qs"] = pack_axis(quants.transpose(1, 0, 2)).T


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(q - 1); see `Codec.decode`."""
    # a byte's four codes are moved to the four bytes of a word, two of them at a time
    words = field_bytes(blocks, "qs").astype("<u4")
    for distance, mask in ((12, 0x000F000F), (6, 0x03030303)):
        words |= words << np.uint32(distance)
        words &= np.uint32(mask)
    codes = words.view(np.uint8)
    codes -= np.uint8(1)
    decode_scaled(codes.view(np.int8), blocks["d"].astype(np.float32), out)


CODEC = Codec(
    name="Q2_0",
    ggml_type=42,
    block=64,
    layout=LAYOUT,
    group=64,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    weighted=True,
)
