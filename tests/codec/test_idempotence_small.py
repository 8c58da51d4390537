"""Values that lie on the grid of a type without super-blocks are encoded without any loss.

They are decoded from random bytes, so every code and every finite scale occurs. Blocks that use
only some of the codes are made of these: each value is replaced by one of a few of its group.
"""

from __future__ import annotations

import numpy as np
import pytest
from samples import importance

from quantcli import codec

# The largest exponent whose values all stay below the largest that encoders take, 2^40.
EXPONENTS = 128 + 36

GROUP = {"TQ1_0": 256, "TQ2_0": 256, "Q2_0": 64, "Q1_0": 128, "MXFP4": 32, "NVFP4": 16, "Q8_0": 32}
COLUMNS = 1024


def random_blocks(name: str, count: int, seed: int) -> np.ndarray:
    """Blocks of random bytes with finite scales, uint8 (count, columns of one row)."""
    rng = np.random.default_rng(seed)
    kind = codec.get(name)
    raw = rng.integers(0, 256, (count, kind.row_bytes(COLUMNS)), np.uint8)
    blocks = raw.reshape(-1).view(kind.layout)
    if name == "MXFP4":
        blocks["e"] = rng.integers(0, EXPONENTS, len(blocks))
    elif name == "NVFP4":
        blocks["d"][blocks["d"] & 127 == 127] = 1
        blocks["d"][::2] &= 31  # many of the scales below 2^-3, whose half may not be a scale
    else:
        bits = blocks["d"].view(np.uint16)
        bits[::2] &= 0x87FF  # many denormals
        bits[bits & 0x7C00 == 0x7C00] = 0x7BFF
    return raw


def few_values(name: str, x: np.ndarray, seed: int) -> np.ndarray:
    """Replace each value by one of the first of its group, of 1 to 5 of them."""
    rng = np.random.default_rng(seed)
    groups = x.reshape(-1, GROUP[name])
    pick = rng.integers(0, rng.integers(1, 6, (len(groups), 1)), groups.shape)
    return np.take_along_axis(groups, pick, axis=1).reshape(x.shape)


def same_groups(name: str, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mark the groups with the same bits; of groups of zeros only the values matter."""
    one, other = one.reshape(-1, GROUP[name]), other.reshape(-1, GROUP[name])
    bits = (one.view(np.uint32) == other.view(np.uint32)).all(axis=1)
    return bits | ((one == 0) & (other == 0)).all(axis=1)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("effort", codec.EFFORTS)
@pytest.mark.parametrize("name", GROUP)
def test_decoded_values_are_encoded_without_loss(name: str, effort: str, *, weighted: bool) -> None:
    kind = codec.get(name)
    weight = importance(COLUMNS, 1) if weighted else None
    x = kind.decode_rows(random_blocks(name, 300, 2))
    for values in (x, few_values(name, x, 3)):
        back = kind.decode_rows(kind.encode_rows(values, weight, effort=effort))
        same = same_groups(name, back, values)
        assert same.all(), values.reshape(-1, GROUP[name])[~same][0]
