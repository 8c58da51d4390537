"""Q1_0: 128 signs and one scale, x = ±d. The mean magnitude is the best scale there is."""

from __future__ import annotations

import numpy as np

from quantcli.codec.bits import (
    F32,
    SCRATCH,
    Blocks,
    decode_scaled,
    field_bytes,
    to_half,
    tree_sum,
    unpack_bits,
)
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.search import Search, reciprocal

LAYOUT = block_layout(("d", "<f2"), ("qs", "u1", (16,)))


def encode(x: F32, weight: F32 | None, _search: Search, out: Blocks) -> None:
    """Store signs and weighted mean magnitude; see `Codec.encode`."""
    values = x[:, 0]
    magnitude = SCRATCH.take("unit", values.shape)
    np.abs(values, out=magnitude)
    if weight is None:
        mean = tree_sum(magnitude) * np.float32(1 / len(values))
    else:
        w = SCRATCH.take("product", values.shape)
        np.copyto(w, weight[:, 0])
        np.multiply(magnitude, w, out=magnitude)
        mean = tree_sum(magnitude) * reciprocal(tree_sum(w))
    out["d"] = to_half(mean)
    out["qs"] = np.packbits(values >= np.float32(0), axis=0, bitorder="little").T


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
    encode=encode,
    decode=decode,
    weighted=True,
)
