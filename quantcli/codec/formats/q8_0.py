"""Q8_0: 32 signed bytes and one scale; the scale maps the largest magnitude to 127."""

from __future__ import annotations

import numpy as np

from quantcli.codec.bits import F32, SCRATCH, Blocks, half_round, to_half
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.search import Search, reciprocal

LAYOUT = block_layout(("d", "<f2"), ("qs", "i1", (32,)))


def encode(x: F32, _weight: F32 | None, _search: Search, out: Blocks) -> None:
    """Round to 255 levels; see `Codec.encode`."""
    values = x[:, 0]
    peak = np.maximum(np.max(values, axis=0), -np.min(values, axis=0))
    scale = half_round(peak / np.float32(127))
    codes = SCRATCH.take("codes", values.shape)
    np.multiply(values, reciprocal(scale), out=codes)
    np.rint(codes, out=codes)
    codes.clip(np.float32(-127), np.float32(127), out=codes)
    out["d"] = to_half(scale)
    out["qs"] = codes.T


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·q; see `Codec.decode`."""
    np.copyto(out, blocks["qs"])
    np.multiply(out, blocks["d"].astype(np.float32)[:, None], out=out)


CODEC = Codec(name="Q8_0", ggml_type=8, block=32, layout=LAYOUT, encode=encode, decode=decode)
