"""IQ1_M: 32 vectors of 8 values from 2048 points of -1, 0, 1, each shifted by 1/8 up or down.

Groups of 16 have a 3-bit scale: x = d·(2·scale + 1)·(point ± 1/8). The float16 d lies in pieces of
four bits above the scales.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quantcli.codec import grids
from quantcli.codec.codec import Codec, block_layout
from quantcli.codec.layout.bits import F32, Blocks, to_half
from quantcli.codec.search.lattice import TERNARY, fit_lattice
from quantcli.codec.search.lattice_points import Lattice
from quantcli.codec.search.scale import Search

# qh: per group two nibbles of three high bits of the number and the sign of the shift
LAYOUT = block_layout(("qs", "u1", (32,)), ("qh", "u1", (16,)), ("scales", "<u2", (4,)))
LATTICE = Lattice(
    "iq1_s", unit=1.0, levels=(-1, 0, 1), scales=8, signs="none", shifts=(0.125, -0.125)
)
PLACES = np.arange(0, 12, 3, dtype=np.uint16)


def encode(x: F32, weight: F32 | None, search: Search, out: Blocks) -> None:
    """Fit the super-blocks and pack them; see `Codec.encode`."""
    fit = fit_lattice(x, weight, LATTICE, search)
    index = fit.index  # bit 11 is the shift
    out["qs"] = index.reshape(-1, 32) & np.uint16(255)
    out["qh"] = (index[:, :, 0] >> np.uint16(8)) | (
        (index[:, :, 1] >> np.uint16(8)) << np.uint16(4)
    )
    scales = fit.scales.reshape(-1, 4, 4).astype(np.uint16) << PLACES
    bits = to_half(fit.d).view(np.uint16)
    for word in range(4):
        piece = (bits >> np.uint16(4 * word)) << np.uint16(12)
        out["scales"][:, word] = piece | np.bitwise_or.reduce(scales[:, word], axis=1)


def decode(blocks: Blocks, out: F32) -> None:
    """Compute x = d·(2·scale + 1)·(point ± 1/8); see `Codec.decode`."""
    index = np.empty((len(blocks), 16, 2), np.uint16)
    np.bitwise_and(blocks["qh"], np.uint8(15), out=index[:, :, 0])
    np.right_shift(blocks["qh"], np.uint8(4), out=index[:, :, 1])
    index <<= np.uint16(8)
    index |= blocks["qs"].reshape(-1, 16, 2)
    scales = (blocks["scales"][:, :, None] >> PLACES) & np.uint16(7)
    scales = scales.reshape(-1, 16).astype(np.uint8)
    grids.decode(grids.shifted_words("iq1_s")[index], super_scale(blocks), scales, 0.125, out)


def super_scale(blocks: Blocks) -> npt.NDArray[np.float16]:
    """The float16 d (n,) of blocks (n,)."""
    bits = np.zeros(len(blocks), np.uint16)
    for word in range(4):
        bits |= (blocks["scales"][:, word] >> np.uint16(12)) << np.uint16(4 * word)
    return bits.view(np.float16)


def broken(blocks: Blocks) -> npt.NDArray[np.bool_]:
    """Mark the blocks (n,) whose d is NaN or infinite."""
    mask: npt.NDArray[np.bool_] = ~np.isfinite(super_scale(blocks))
    return mask


CODEC = Codec(
    name="IQ1_M",
    ggml_type=29,
    block=256,
    layout=LAYOUT,
    group=16,
    encode=encode,
    decode=decode,
    searches=TERNARY,
    scales=(),
    weighted=True,
    broken=broken,
)
