"""Every decoder against the `gguf` package, on every bit pattern a block can hold."""

from __future__ import annotations

import gguf
import numpy as np
import pytest

from quantcli import codec


def random_rows(name: str, rows: int, blocks: int, seed: int) -> np.ndarray:
    """Rows of random bytes with finite scales."""
    rng = np.random.default_rng(seed)
    kind = codec.get(name)
    data = rng.integers(0, 256, (rows, blocks * kind.layout.itemsize), dtype=np.uint8)
    fields = data.reshape(-1).view(kind.layout)
    for scale in kind.scales:
        values = fields[scale]
        bad = ~np.isfinite(values)
        fields[scale][bad] = rng.standard_normal(np.count_nonzero(bad)).astype(values.dtype)
    if kind.broken is not None:
        fields[kind.broken(fields)] = np.zeros((), kind.layout)
    return data


@pytest.mark.parametrize("name", codec.names())
def test_sizes_match_the_gguf_package(name: str) -> None:
    kind = codec.get(name)
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind.ggml_type)]
    assert (kind.block, kind.layout.itemsize) == (block, size)
    assert gguf.GGMLQuantizationType(kind.ggml_type).name == name
    assert kind.bits_per_weight == 8 * size / block


@pytest.mark.parametrize("name", codec.names())
def test_decoding_is_bit_equal(name: str) -> None:
    kind = codec.get(name)
    data = random_rows(name, 5, 77, seed=1)
    ours = kind.decode_rows(data)
    theirs = gguf.quants.dequantize(data, gguf.GGMLQuantizationType(kind.ggml_type))
    number = ~np.isnan(theirs)  # BF16 and F32 patterns may be NaN
    assert np.array_equal(np.isnan(ours), ~number)
    assert np.array_equal(ours.view(np.uint32)[number], theirs.view(np.uint32)[number])
