"""F16: IEEE half precision, rounded to nearest even; NaN stays NaN (made quiet).

All efforts are one encoder: there is nothing to search for.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec.codec import Codec, Mask, block_layout
from quantcli.codec.layout.bits import F32, Blocks, reaches_infinity
from quantcli.codec.search.scale import Search

LAYOUT = block_layout(("d", "<f2"))

# Bits of a half: from here on infinity and NaN; the sign; the fraction; the first quiet NaN.
INFINITE = 0x7C00
SIGN = 0x8000
FRACTION = 0x03FF
QUIET = 0x7E00
# Of a half with copies of its sign above it, shifted by 13: sign, exponent and fraction.
KEPT = np.int32(0x0FFFE000 - 2**31)
WIDEN = np.float32(2.0**112)
TINY = np.float32(2.0**-140)


def encode(x: F32, _weight: F32 | None, _search: Search, out: Blocks) -> None:
    """Round; see `Codec.encode`."""
    values = x[:, 0]
    out["d"] = values
    nan = np.isnan(values)
    if nan.any():  # whether a cast makes it quiet depends on the processor
        bits = values[nan].view(np.uint32)
        quiet = (bits >> np.uint32(16)) & np.uint32(SIGN)
        quiet |= (bits >> np.uint32(13)) & np.uint32(FRACTION) | np.uint32(QUIET)
        out["d"].view(np.uint16)[nan] = quiet


def decode(blocks: Blocks, out: F32) -> None:
    """Widen; see `Codec.decode`.

    As float32 bits, exponent and fraction of a half stand for its value over 2^112, which also
    holds for denormals. NaN and infinity do not follow this rule, nor a processor that is set to
    take denormals for zero.
    """
    half = blocks["d"].view(np.int16)
    values = out[:, 0]
    if reaches_infinity(half.view(np.uint16), INFINITE) or TINY * WIDEN == 0:
        np.copyto(values, blocks["d"])
        return
    bits = values.view(np.int32)
    np.copyto(bits, half)  # with copies of the sign in the upper half
    np.left_shift(bits, np.int32(13), out=bits)
    np.bitwise_and(bits, KEPT, out=bits)
    np.multiply(values, WIDEN, out=values)


def broken(blocks: Blocks) -> Mask:
    """Mark NaN and infinity; `np.isfinite` of float16 takes ten times as long."""
    exponent = blocks["d"].view(np.uint16) & np.uint16(INFINITE)
    mask: Mask = exponent == np.uint16(INFINITE)
    return mask


CODEC = Codec(
    name="F16",
    ggml_type=1,
    block=1,
    group=1,
    by_rows=True,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    scales=(),
    broken=broken,
    infinite=INFINITE,
)
