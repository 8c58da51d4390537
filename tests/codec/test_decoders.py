"""Every decoder against the `gguf` package, on every bit pattern a block can hold."""

from __future__ import annotations

import gguf
import numpy as np
import pytest

from quantcli import codec
from quantcli.codec import codec as engine
from quantcli.codec.formats import f16


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


# What the `gguf` package lacks: the type itself, or its decoder.
UNKNOWN = ("Q2_0",)
UNDECODED = ("Q1_0", *UNKNOWN)


@pytest.mark.parametrize("name", [name for name in codec.names() if name not in UNKNOWN])
def test_sizes_match_the_gguf_package(name: str) -> None:
    kind = codec.get(name)
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind.ggml_type)]
    assert (kind.block, kind.layout.itemsize) == (block, size)
    assert gguf.GGMLQuantizationType(kind.ggml_type).name == name
    assert kind.bits_per_weight == 8 * size / block


@pytest.mark.parametrize("name", [name for name in codec.names() if name not in UNDECODED])
def test_decoding_is_bit_equal(name: str) -> None:
    kind = codec.get(name)
    data = random_rows(name, 5, 77, seed=1)
    ours = kind.decode_rows(data)
    with np.errstate(over="ignore"):  # the largest scales of MXFP4
        theirs = gguf.quants.dequantize(data, gguf.GGMLQuantizationType(kind.ggml_type))
    number = ~np.isnan(theirs)  # BF16 and F32 patterns may be NaN
    assert np.array_equal(np.isnan(ours), ~number)
    assert np.array_equal(ours.view(np.uint32)[number], theirs.view(np.uint32)[number])


@pytest.mark.parametrize("name", [name for name in codec.names() if name not in UNDECODED])
def test_decoding_in_chunks_is_bit_equal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = codec.get(name)
    data = random_rows(name, 3, 7, seed=3)
    with np.errstate(over="ignore"):
        theirs = gguf.quants.dequantize(data, gguf.GGMLQuantizationType(kind.ggml_type))
    for chunk in (1, 5 * kind.block):
        monkeypatch.setattr(engine, "DECODED_WEIGHTS", chunk)
        assert np.array_equal(kind.decode_rows(data), theirs, equal_nan=True)


HALVES = np.arange(2**16, dtype=np.uint16).view(np.float16)


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize(
    "halves",
    [HALVES, HALVES[np.isfinite(HALVES)], HALVES[~np.isposinf(HALVES) & ~np.isnan(HALVES)]],
    ids=["all", "finite", "negative infinity"],
)
def test_every_half_is_decoded_as_numpy_does(
    halves: np.ndarray, flushed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if flushed:  # what a processor makes of it that takes denormals for zero
        monkeypatch.setattr(f16, "TINY", np.float32(0))
    ours = codec.get("F16").decode_rows(halves[None].view(np.uint8))
    assert np.array_equal(ours.view(np.uint32)[0], halves.astype(np.float32).view(np.uint32))


@pytest.mark.parametrize("name, bits, levels", [("Q1_0", 1, (-1, 1)), ("Q2_0", 2, (-1, 0, 1, 2))])
def test_the_types_the_package_lacks_are_decoded_as_specified(
    name: str, bits: int, levels: tuple[int, ...]
) -> None:
    """A half-precision scale, then codes from the lowest bits of the first byte on."""
    kind = codec.get(name)
    data = random_rows(name, 3, 9, seed=2)
    blocks = data.reshape(-1, 18)
    assert kind.layout.itemsize == 18
    expected = []
    for block in blocks:
        stream = int.from_bytes(block[2:].tobytes(), "little")
        scale = np.float32(block[:2].copy().view(np.float16)[0])
        codes = [stream >> (bits * i) & (2**bits - 1) for i in range(kind.block)]
        expected.append([scale * np.float32(levels[code]) for code in codes])
    assert np.array_equal(kind.decode_rows(data).reshape(-1, kind.block), np.array(expected))
