"""Q4_1: 32 codes of 4 bits, a scale and a minimum, x = d·q + m."""

from __future__ import annotations

import numpy as np

from quantcli.codec.bits import (
    F32,
    SCRATCH,
    Blocks,
    decode_scaled,
    field_bytes,
    half_round,
    pack_nibbles,
    repeat_scale,
    to_half,
    unpack_codes,
)
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.parts import Exact, Parts
from quantcli.codec.search import (
    Search,
    axes,
    diagonal,
    range_scale,
    reciprocal,
    round_codes,
    square,
)

LAYOUT = block_layout(("d", "<f2"), ("m", "<f2"), ("qs", "u1", (16,)))

SEARCHES = {
    "fast": Search(cuts=((0.0, 0.0), (0.3, 0.3))),
    "normal": Search(cuts=square(-0.2, 0.5), nudges=(*diagonal(0.5, 0.25), *diagonal(0.25, 0.12))),
    "best": Search(
        cuts=square(-0.4, 0.0, 0.4, 0.8),
        refinements=2,
        nudges=(
            *diagonal(0.5, 0.25),
            *axes(0.5, 0.33),
            *diagonal(0.25, 0.12),
            *axes(0.25, 0.16),
            *diagonal(0.12, 0.06),
        ),
    ),
}


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Search scale and minimum, round; see `Codec.encode`."""
    values = x[:, 0]
    w = None if weight is None else weight[:, 0]
    scale, low = range_scale(values, w, 15, search, free_min=True)
    scale, low = half_round(scale), half_round(low)
    codes = SCRATCH.take("codes", values.shape)
    np.subtract(values, low, out=codes)
    round_codes(codes, reciprocal(scale), 0, 15, codes)
    pack(Parts(codes.astype(np.uint8)[:, None], scale, dmin=-low), out)


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
    searches=SEARCHES,
    exact=Exact(tuple(range(16)), pack, mins=(1, 1)),
    scales=("d", "m"),
    weighted=True,
)
