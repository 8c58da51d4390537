"""IQ4_NL: 32 codes of 4 bits for unevenly spaced levels, and one scale, x = d·v."""

from __future__ import annotations

import numpy as np

from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import (
    F32,
    Blocks,
    decode_nibbles,
    field_bytes,
    half_round,
    pack_nibbles,
    reciprocal,
    to_half,
)
from quantcli.codec.layout.block_parts import Exact, Parts
from quantcli.codec.search.codebook import LEVELS, MANY_PEAKS, LevelSearch, level_codes, level_scale
from quantcli.codec.search.scale import Groups, Search

LAYOUT = block_layout(("d", "<f2"), ("qs", "u1", (16,)))

SEARCHES = {
    "fast": LevelSearch(peaks=(-127.0, 113.0), refinements=0),
    "normal": LevelSearch(
        peaks=(-140.0, -127.0, -118.0, -110.0, 104.0, 113.0, 121.0),
        anchored=True,
        nudges=((0.03, 0), (-0.03, 0)),
    ),
    "best": LevelSearch(
        peaks=MANY_PEAKS,
        anchored=True,
        refinements=2,
        nudges=tuple((step, 0) for step in (0.05, -0.05, 0.03, -0.03, 0.015, -0.015)),
    ),
}


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Search the scale, round; see `Codec.encode`."""
    values = x[:, 0]
    groups = Groups(values, None if weight is None else weight[:, 0])
    scale = half_round(level_scale(groups, search))
    pack(Parts(level_codes(values, reciprocal(scale))[:, None], scale), out)


def pack(parts: Parts, out: Blocks) -> None:
    """Store the parts of blocks; see `Exact.pack`."""
    out["d"] = to_half(parts.d)
    out["qs"] = pack_nibbles(parts.codes[:, 0])


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·v; see `Codec.decode`."""
    decode_nibbles(LEVELS, field_bytes(blocks, "qs"), blocks["d"].astype(np.float32), out)


CODEC = Codec(
    name="IQ4_NL",
    ggml_type=20,
    block=32,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    exact=Exact(tuple(int(level) for level in LEVELS), pack),
    weighted=True,
)
