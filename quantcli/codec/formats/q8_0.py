"""Q8_0: 32 signed bytes and one scale; the scale maps the largest magnitude to 127."""

from __future__ import annotations

import numpy as np

from quantcli.codec.bits import F32, SCRATCH, Blocks, decode_scaled, half_round, to_half
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.search import Search, reciprocal

LAYOUT = block_layout(("d", "<f2"), ("qs", "i1", (32,)))


def encode(x: F32, _weight: F32 | None, _search: Search, out: Blocks) -> None:
    """Round to 255 levels of x (n, 32); see `Codec.encode`."""
    codes = SCRATCH.take("codes", x.shape)
    np.abs(x, out=codes)
    scale = half_round(np.max(codes, axis=1) / np.float32(127))
    np.multiply(x, reciprocal(scale)[:, None], out=codes)
    np.rint(codes, out=codes)
    codes.clip(np.float32(-127), np.float32(127), out=codes)
    out["d"] = to_half(scale)
    out["qs"] = codes


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·q; see `Codec.decode`."""
    decode_scaled(blocks["qs"], blocks["d"].astype(np.float32), out)


CODEC = Codec(
    name="Q8_0", ggml_type=8, block=32, by_rows=True, layout=LAYOUT, encode=encode, decode=decode
)
