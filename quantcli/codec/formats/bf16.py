"""BF16: the upper half of a float32, rounded to nearest even; NaN stays NaN (made quiet).

All efforts are one encoder: there is nothing to search for.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec.codec import Codec, Mask, block_layout
from quantcli.codec.layout.bits import F32, Blocks
from quantcli.codec.search.scale import Search

LAYOUT = block_layout(("bits", "<u2"))
EXPONENT = np.uint16(0x7F80)


def encode(x: F32, _weight: F32 | None, _search: Search, out: Blocks) -> None:
    """Round; see `Codec.encode`."""
    bits = x[:, 0].view(np.uint32)
    rounded = bits >> np.uint32(16)
    nan = np.isnan(x[:, 0])
    quiet = (rounded[nan] | np.uint32(0x40)).astype(np.uint16) if nan.any() else None
    rounded &= np.uint32(1)
    rounded += np.uint32(0x7FFF)
    rounded += bits
    rounded >>= np.uint32(16)
    out["bits"] = rounded
    if quiet is not None:
        out["bits"][nan] = quiet


def decode(blocks: Blocks, out: F32) -> None:
    """Widen; see `Codec.decode`."""
    bits = out.view(np.uint32)[:, 0]
    np.copyto(bits, blocks["bits"])
    np.left_shift(bits, np.uint32(16), out=bits)


def broken(blocks: Blocks) -> Mask:
    """Mark NaN and infinity."""
    mask: Mask = (blocks["bits"] & EXPONENT) == EXPONENT
    return mask


CODEC = Codec(
    name="BF16",
    ggml_type=30,
    block=1,
    group=1,
    by_rows=True,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    scales=(),
    broken=broken,
    infinite=0x7F80,
)
