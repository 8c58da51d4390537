"""TQ1_0: 256 ternary values, five to a byte, and one scale, x = d·(t - 1), t of 0, 1, 2.

Five digits make a number v of 0..242, the first digit the most significant; the byte is 256·v/243
rounded up, so that a digit is what a multiplication by three carries out of the byte.
"""

from __future__ import annotations

import numpy as np

from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import (
    F32,
    SCRATCH,
    U8,
    Blocks,
    decode_scaled,
    field_bytes,
    fill_field,
    to_half,
)
from quantcli.codec.layout.block_parts import Exact, Parts
from quantcli.codec.layout.lanes import codes_in_quads, from_quads
from quantcli.codec.search.scale import Search
from quantcli.codec.search.ternary import SEARCHES, encode_ternary

LAYOUT = block_layout(("qs", "u1", (48,)), ("qh", "u1", (4,)), ("d", "<f2"))

# (first element, bytes, digits): the digits of byte m are elements first + m + bytes·digit
PARTS = ((0, 32, 5), (160, 16, 5), (240, 4, 4))
_BYTE = ((np.arange(243) * 256 + 242) // 243).astype(np.uint8)


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Search the scale, round; see `Codec.encode`."""
    _pack(encode_ternary(x, weight, search, out), out)


def pack(parts: Parts, out: Blocks) -> None:
    """Store codes and scales."""
    out["d"] = to_half(parts.d)
    _pack(codes_in_quads(parts.codes[:, 0]), out)


def _pack(codes: U8, out: Blocks) -> None:
    """Store codes, in quads."""
    packed = np.empty((13, codes.shape[1]), np.uint8)
    filled = 0
    for first, size, digits in PARTS:
        fours = size // 4
        parts = codes[first // 4 :][: fours * digits].reshape(digits, fours, -1)
        number = packed[filled : filled + fours]
        number[:] = parts[0]
        for digit in range(1, 5):
            number *= np.uint8(3)
            if digit < digits:
                number += parts[digit]
        filled += fours
    rows = from_quads(np.take(_BYTE, packed, mode="clip"))
    fill_field(out, "qs", rows[:, :48].copy())
    fill_field(out, "qh", rows[:, 48:].copy())


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(t - 1); see `Codec.decode`."""
    codes = SCRATCH.take("bytes", out.shape, np.uint8)
    qs = field_bytes(blocks, "qs")
    powers = (qs[:, :32].copy(), qs[:, 32:].copy(), field_bytes(blocks, "qh"))
    for power, (first, size, digits) in zip(powers, PARTS, strict=True):
        whole = f"V{size}"
        places = codes[:, first : first + size * digits].view(whole)
        for digit in range(digits):
            # 3·power / 256, cut, less one: 86 and 171 are the first bytes that carry 1 and 2
            value = (power >= np.uint8(171)).view(np.uint8)
            value -= (power < np.uint8(86)).view(np.uint8)
            places[:, digit : digit + 1] = value.view(whole)
            np.multiply(power, np.uint8(3), out=power)
    decode_scaled(codes.view(np.int8), blocks["d"].astype(np.float32), out)


CODEC = Codec(
    name="TQ1_0",
    ggml_type=34,
    block=256,
    layout=LAYOUT,
    group=256,
    quads=True,
    encode=encode,
    decode=decode,
    searches=SEARCHES,
    weighted=True,
    exact=Exact((-1, 0, 1), pack),
)
