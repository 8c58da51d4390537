"""F32: float32, stored as it is; all efforts are one encoder."""

from __future__ import annotations

import numpy as np

from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import F32, Blocks
from quantcli.codec.search.scale import Search

LAYOUT = block_layout(("d", "<f4"))


def encode(x: F32, _weight: F32 | None, _search: Search, out: Blocks) -> None:
    """Copy; see `Codec.encode`."""
    out["d"] = x[:, 0]


def decode(blocks: Blocks, out: F32) -> None:
    """Copy; see `Codec.decode`."""
    np.copyto(out[:, 0], blocks["d"])


CODEC = Codec(
    name="F32",
    ggml_type=0,
    block=1,
    group=1,
    by_rows=True,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    infinite=0x7F800000,
)
