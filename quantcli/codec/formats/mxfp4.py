"""MXFP4: 32 four-bit floats (E2M1) and one power of two, x = 2^(e - 128)·v.

Layout and rounding follow the OCP Microscaling Formats specification 1.0. Its exponent, the floor
of the logarithm of the largest magnitude less two, maps that magnitude to 4..8 where the largest
code is 6. The next exponent has doubled steps but holds magnitudes above 7 better, so where there
are any the weighted errors of the two are compared. That is one encoder for the efforts "fast" and
"normal"; "best" compares the preceding exponent as well.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quantcli.codec.codec import Codec, Mask, block_layout
from quantcli.codec.layout.bits import F32, SCRATCH, Blocks, decode_nibbles, field_bytes, fill_field
from quantcli.codec.layout.lanes import group_sum, lanes, take_groups
from quantcli.codec.search.fp4 import VALUES, pack_fp4, peak_magnitude, square_error
from quantcli.codec.search.scale import Search

I32 = npt.NDArray[np.int32]

LAYOUT = block_layout(("e", "u1"), ("qs", "u1", (16,)))

# Exponents that are compared in full with the one chosen.
SEARCHES = {"normal": Search(steps=()), "best": Search(steps=((-1, 0),))}

# Blocks below 2^-64 are scaled by 2^64 first, so that 1/U is a float32.
SMALL, SHIFT = np.float32(2.0**-64), 64
# Bits of a fraction of 3/4: mapped to 4..8 the value is 7.
SEVEN = np.int32(0x600000)
FRACTION = np.int32(0x7FFFFF)


def inverse_scale(exponent: I32) -> F32:
    """1/U = 2^(128 - e), but at most 2^126 (for blocks of zeros)."""
    bits: I32 = (255 - exponent).clip(0, 253) << 23
    return bits.view(np.float32)


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Choose the exponent, round; see `Codec.encode`."""
    peak = peak_magnitude(x)
    small = (peak < SMALL) & (peak > 0)
    shift = small * np.int32(SHIFT)
    if small.any():
        factor = np.where(small, np.float32(2.0**SHIFT), np.float32(1))
        x, peak = x * lanes(factor), peak * factor
    bits = peak.view(np.int32)
    chosen = np.maximum((bits >> 23) - 2, shift)
    large = np.flatnonzero((bits & FRACTION) > SEVEN)
    if len(large):
        some = None if weight is None else take_groups(weight, large)
        chosen[large] += _doubled(take_groups(x, large), some, inverse_scale(chosen[large]))
    if search.steps:
        error = square_error(x, weight, inverse_scale(chosen))
        for step, _ in search.steps:
            other = np.maximum(chosen + np.int32(step), shift)
            trial = square_error(x, weight, inverse_scale(other)) * np.float32(4.0**step)
            np.copyto(chosen, other, where=trial < error)
    out["e"] = chosen - shift
    fill_field(out, "qs", pack_fp4(x, inverse_scale(chosen)))


def _doubled(x: F32, w: F32 | None, inverse: F32) -> Mask:
    """Whether doubled steps have the lower weighted error for groups x, in quads, and 1/U.

    The squared error of a value with y = 2|x|/U then grows by 1 - |y - 2| and 1 - |y - 6| where
    these are positive, and falls by 4·(y - 28) where that is.
    """
    y = SCRATCH.take("scaled", x.shape)
    np.multiply(x, lanes(inverse + inverse), out=y)
    np.abs(y, out=y)
    fall = SCRATCH.take("step", x.shape)
    np.subtract(y, np.float32(28), out=fall)
    fall.clip(np.float32(0), np.float32(4), out=fall)
    fall *= np.float32(4)
    y -= np.float32(4)
    np.abs(y, out=y)
    y -= np.float32(2)
    np.abs(y, out=y)
    np.subtract(np.float32(1), y, out=y)
    y.clip(np.float32(0), np.float32(1), out=y)
    fall -= y
    if w is not None:
        fall *= w
    better: Mask = group_sum(fall) > 0
    return better


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = 2^(e - 128)·v; see `Codec.decode`."""
    e = blocks["e"].astype(np.uint32)
    # float32 bits of 2^(e - 128): denormal for 0 and 1
    bits = np.where(e < 2, np.uint32(0x200000) << np.minimum(e, 1), (e - (e > 0)) << 23)
    decode_nibbles(VALUES, field_bytes(blocks, "qs"), bits.astype(np.uint32).view(np.float32), out)


def broken(blocks: Blocks) -> Mask:
    """Mark the exponent that stands for NaN."""
    mask: Mask = blocks["e"] == 255
    return mask


CODEC = Codec(
    name="MXFP4",
    ggml_type=39,
    block=32,
    layout=LAYOUT,
    encode=encode,
    decode=decode,
    quads=True,
    weighted=True,
    searches=SEARCHES,
    scales=(),
    broken=broken,
)
