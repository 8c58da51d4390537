"""Q1_0: 128 signs and one scale, x = ±d.

The weighted mean magnitude is the best scale there is, so all efforts are one encoder.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import (
    F32,
    SCRATCH,
    Blocks,
    decode_scaled,
    field_bytes,
    fill_field,
    reciprocal,
    to_half,
    unpack_bits,
)
from quantcli.codec.layout.lanes import from_quads, group_sum, weighted
from quantcli.codec.search.scale import Search

LAYOUT = block_layout(("d", "<f2"), ("qs", "u1", (16,)))


def encode(x: F32, weight: F32 | None, _search: Search, out: Blocks) -> None:
    """Store signs and weighted mean magnitude; see `Codec.encode`."""
    term = SCRATCH.take("term", x.shape)
    total = group_sum(np.abs(weighted(x, weight), out=term))
    if weight is None:
        mean = total * np.float32(1 / 128)
    else:
        np.copyto(term, weight)
        mean = total * reciprocal(group_sum(term))
    out["d"] = to_half(mean)
    signs = SCRATCH.take("bytes", x.shape, np.uint8)
    np.greater_equal(x, np.float32(0), out=signs.view(np.bool_))
    fill_field(out, "qs", np.packbits(from_quads(signs), axis=1, bitorder="little"))


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d where the bit is set, else -d; see `Codec.decode`."""
    codes = unpack_bits(field_bytes(blocks, "qs"))
    codes *= np.uint8(2)
    codes -= np.uint8(1)
    decode_scaled(codes.view(np.int8), blocks["d"].astype(np.float32), out)


CODEC = Codec(
    name="Q1_0",
    ggml_type=41,
    block=128,
    layout=LAYOUT,
    group=128,
    quads=True,
    encode=encode,
    decode=decode,
    weighted=True,
)
