"""MXFP4: 32 four-bit floats (E2M1) and one power of two, x = 2^(e - 128)·v.

Layout and rounding follow the OCP Microscaling Formats specification 1.0. Its exponent, the floor
of the logarithm of the largest magnitude less two, maps that magnitude to 4..8 where the largest
code is 6. Here the next exponent is taken from 7.25 on: the peak's error is then larger than what
all other values lose by doubled steps, save for about one block in thirty. Effort "best" compares
neighbouring exponents by true error.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quantcli.codec.bits import F32, Blocks, decode_nibbles, field_bytes, pack_nibbles
from quantcli.codec.codec import Codec, Mask, block_layout
from quantcli.codec.fp4 import VALUES, Trial, peak_magnitude
from quantcli.codec.search import Search

LAYOUT = block_layout(("e", "u1"), ("qs", "u1", (16,)))

# Steps of the exponent that are tried.
SEARCHES = {"normal": Search(steps=()), "best": Search(steps=((1, 0), (-1, 0)))}

# Added to the bits of a float32, it carries into the exponent from 1.8125 = 7.25/4 times a power
# of two on.
CARRY = np.int32(0x180000)

# Least exponent written: twice 1/U is then 2^127, still a float32.
LEAST = 2


def inverse_scale(exponent: npt.NDArray[np.int32]) -> F32:
    """1/U = 2^(128 - e) for e of at least `LEAST`."""
    bits: npt.NDArray[np.int32] = (255 - exponent) << 23
    return bits.view(np.float32)


def encode(x: F32, _weight: F32 | None, search: Search, out: Blocks) -> None:
    """Choose the exponent, round; see `Codec.encode`."""
    values = x[:, 0]
    trial = Trial(values)
    biased = (peak_magnitude(values).view(np.int32) + CARRY) >> 23
    first = np.maximum(biased - 2, LEAST)
    chosen = first.copy()
    if search.steps:
        best = trial.gain(inverse_scale(first)).copy()
        for step, _ in search.steps:
            other = np.maximum(first + step, LEAST)
            gain = trial.gain(inverse_scale(other)) * np.float32(4.0**step)
            better = gain > best
            np.copyto(best, gain, where=better)
            np.copyto(chosen, other, where=better)
    out["e"] = chosen
    out["qs"] = pack_nibbles(trial.codes(inverse_scale(chosen)))


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
    searches=SEARCHES,
    scales=(),
    broken=broken,
)
