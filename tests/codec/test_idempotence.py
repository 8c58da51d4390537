"""Encoding the values of a decoded block gives them back bit for bit; no other block is touched.

Decoded by the `gguf` package: blocks of the C reference, blocks of our own, and random bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import gguf
import libgguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import bell, importance, tails

from quantcli import codec
from quantcli.codec import codec as engine
from quantcli.codec.recovery import recover as exact

SINGLE = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "IQ4_NL"]
SUPER = ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS"]
TYPES = SINGLE + SUPER
ROWS, COLUMNS = 24, 768
WEIGHT = importance(COLUMNS, 1)


def decoded(name: str, data: np.ndarray) -> np.ndarray:
    """Values of encoded rows, by a decoder that is not ours."""
    with np.errstate(over="ignore"):
        return gguf.quants.dequantize(data, gguf.GGMLQuantizationType(codec.get(name).ggml_type))


def c_made(name: str, x: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Rows as the C reference encodes them."""
    return libgguf.quantize_rows(np.float32(x), codec.get(name).ggml_type, imatrix=weight)


def lost(name: str, values: np.ndarray, weight: np.ndarray | None = None, **options: str) -> int:
    """How many blocks of `values` change a bit by encoding and decoding them."""
    kind = codec.get(name)
    again = decoded(name, kind.encode_rows(values, weight, **options))
    differ = again.view(np.uint32) != values.view(np.uint32)
    return int(differ.reshape(-1, kind.block).any(axis=1).sum())


def structured(seed: int) -> np.ndarray:
    """Heavy tails; columns, groups and rows of other sizes; outliers, zeros, padding."""
    x = tails(ROWS, COLUMNS, seed)
    x *= np.exp2(np.round(3 * bell(ROWS, COLUMNS // 16, seed + 1))).repeat(16, axis=1)
    x *= np.exp2(np.round(4 * bell(1, COLUMNS, seed + 2)))
    x[:, 5::64] *= 500
    x[0:4] *= np.float32(1e-6)
    x[4:8, ::3] = 0
    x[8:10, 576:] = 0
    x[10:12] = abs(x[10:12])
    x[12:14] -= 20
    x[14] = -0.0
    return x


SOURCES: dict[str, Callable[[int], np.ndarray]] = {
    "bell": lambda seed: bell(ROWS, COLUMNS, seed),
    "tails": lambda seed: tails(ROWS, COLUMNS, seed),
    "structured": structured,
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", TYPES)
def test_blocks_of_the_c_encoder_are_kept(name: str, source: str, weighted: bool) -> None:
    values = decoded(name, c_made(name, SOURCES[source](2), WEIGHT if weighted else None))
    for effort in codec.EFFORTS:
        assert lost(name, values, effort=effort) == 0
        assert lost(name, values, WEIGHT, effort=effort) == 0


@pytest.mark.parametrize("effort", codec.EFFORTS)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", TYPES)
def test_our_own_blocks_are_kept(name: str, source: str, effort: str) -> None:
    kind, x = codec.get(name), SOURCES[source](3)
    for weight in None, WEIGHT:
        values = decoded(name, kind.encode_rows(x, weight, effort=effort))
        assert lost(name, values) == 0
        assert lost(name, values, WEIGHT, effort="fast") == 0


def random_blocks(name: str, count: int, seed: int, apart: int = 12) -> np.ndarray:
    """Rows of one block of random bytes; scales are normal numbers, dmin up to 2^apart times d."""
    rng = np.random.default_rng(seed)
    kind = codec.get(name)
    data = rng.integers(0, 256, (count, kind.layout.itemsize), dtype=np.uint8)
    blocks = data.reshape(-1).view(kind.layout)
    exponents = np.empty((0, count), np.int64)
    for scale in kind.scales:
        exponents = np.concatenate([exponents, rng.integers(1, 31, (1, count))])
        exponents[-1] = np.minimum(exponents[-1], exponents[0] + apart - 1)
        bits = rng.integers(0, 2, count) << 15 | exponents[-1] << 10 | rng.integers(0, 1024, count)
        blocks[scale] = bits.astype(np.uint16).view(np.float16)
    return data


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), effort=st.sampled_from(codec.EFFORTS), weighted=st.booleans())
@pytest.mark.parametrize("name", TYPES)
def test_random_bytes_are_kept(name: str, seed: int, effort: str, weighted: bool) -> None:
    values = decoded(name, random_blocks(name, 96, seed))
    weight = importance(values.shape[1], seed % 1000) if weighted else None
    assert lost(name, values, weight, effort=effort) == 0


# Share of random blocks with minimums that drown the codes, of which nothing is promised.
DROWNED = {"Q4_1": 0.04, "Q5_1": 0.06, "Q2_K": 0.07, "Q4_K": 0.11, "Q5_K": 0.13}


@pytest.mark.parametrize("name", DROWNED)
def test_few_blocks_with_any_minimum_are_lost(name: str) -> None:
    values = decoded(name, random_blocks(name, 2048, 4, apart=30))
    assert lost(name, values) <= DROWNED[name] * len(values)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), levels=st.integers(1, 3), zeros=st.integers(0, 100))
@pytest.mark.parametrize("name", TYPES)
def test_blocks_of_few_codes_are_kept(name: str, seed: int, levels: int, zeros: int) -> None:
    """Many scales explain such a group: few of its values are distinct, or not zero."""
    rng = np.random.default_rng(seed)
    x = bell(ROWS, COLUMNS, seed % 1000).reshape(-1, 16)
    x = np.take_along_axis(x, rng.integers(0, levels, x.shape), axis=1)
    x *= np.exp2(rng.integers(-3, 4, (len(x), 1)))
    x[rng.random(x.shape) < zeros / 100] = 0
    x[::3] = bell(ROWS, COLUMNS, seed % 999).reshape(-1, 16)[::3]  # not all groups constant
    x = x.reshape(ROWS, COLUMNS)
    assert lost(name, decoded(name, c_made(name, x))) == 0
    assert lost(name, decoded(name, codec.get(name).encode_rows(x, effort="best"))) == 0


@pytest.mark.parametrize(
    "coarse, fine", [("Q4_0", "Q5_0"), ("Q4_0", "Q5_1"), ("Q4_1", "Q5_1"), ("Q4_K", "Q5_K")]
)
def test_a_finer_type_keeps_the_numbers_of_a_coarser_one(coarse: str, fine: str) -> None:
    values = decoded(coarse, c_made(coarse, tails(ROWS, COLUMNS, 13), WEIGHT))
    assert np.array_equal(decoded(fine, codec.get(fine).encode_rows(values)), values)


@pytest.mark.parametrize("name", TYPES)
def test_a_constant_tensor_is_kept(name: str) -> None:
    for constant in 0.3, -0.3, 1.0:
        values = decoded(name, c_made(name, np.full((4, COLUMNS), constant)))
        assert lost(name, values) == 0


@pytest.mark.parametrize("effort", codec.EFFORTS)
@pytest.mark.parametrize("name", TYPES)
def test_zeros_keep_their_sign(name: str, effort: str) -> None:
    x = np.zeros((2, COLUMNS), np.float32)
    assert lost(name, x, effort=effort) == 0
    values = decoded(name, c_made(name, -x))  # -0 where the reference stores a negative scale
    assert lost(name, values, WEIGHT, effort=effort) == 0


@pytest.mark.parametrize("name", TYPES)
def test_the_largest_scales_are_kept(name: str) -> None:
    kind = codec.get(name)
    data = random_blocks(name, 256, 5)
    blocks = data.reshape(-1).view(kind.layout)
    for scale in kind.scales:
        blocks[scale] = 65504
    assert lost(name, decoded(name, data)) == 0  # and no ScaleOverflowError


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("effort", codec.EFFORTS)
@pytest.mark.parametrize("name", TYPES)
def test_other_values_are_encoded_as_without(name: str, effort: str, weighted: bool) -> None:
    kind = codec.get(name)
    without = replace(kind, exact=None)
    weight = WEIGHT if weighted else None
    for x in SOURCES["bell"](6), SOURCES["tails"](7):
        for values in x, x.astype(np.float16).astype(np.float32), bfloat16(x):
            theirs = without.encode_rows(values, weight, effort=effort)
            assert np.array_equal(kind.encode_rows(values, weight, effort=effort), theirs)


def bfloat16(x: np.ndarray) -> np.ndarray:
    """Cut to the sixteen bits of bfloat16."""
    return (x.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


@pytest.mark.parametrize("name", TYPES)
def test_few_ordinary_blocks_pass_the_screen(name: str) -> None:
    kind = codec.get(name)
    assert kind.exact is not None
    x = bell(96, COLUMNS, 8)
    decoded_ = decoded(name, c_made(name, x))
    for values, least, most in (x, 0, 0.005), (bfloat16(x), 0, 0.1), (decoded_, 1, 1):
        groups = values.reshape(-1, kind.block // kind.group, kind.group)
        with np.errstate(all="ignore"):
            share = len(exact.suspects(kind.exact, groups)) / len(groups)
        assert least <= share <= most


@pytest.mark.parametrize("name", TYPES)
def test_a_row_s_bytes_depend_on_that_row_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = codec.get(name)
    kept = decoded(name, c_made(name, structured(9), WEIGHT))
    x = np.concatenate([kept, tails(ROWS, COLUMNS, 10)])
    order = np.random.default_rng(11).permutation(len(x))
    whole = kind.encode_rows(x)
    assert np.array_equal(kind.encode_rows(x[order]), whole[order])
    assert np.array_equal(np.concatenate([kind.encode_rows(row[None]) for row in x]), whole)
    monkeypatch.setattr(engine, "CHUNK_WEIGHTS", COLUMNS)
    monkeypatch.setattr(exact, "_PIECE", 5 * 256)
    assert np.array_equal(kind.encode_rows(x), whole)


@pytest.mark.parametrize("name", TYPES)
def test_what_is_not_finite_counts_as_zero(name: str) -> None:
    kind = codec.get(name)
    clean = decoded(name, c_made(name, structured(12)))
    x = np.where(clean == 0, np.float32(np.nan), clean)
    x[:, :2][clean[:, :2] == 0] = np.inf
    zeroed = np.where(np.isfinite(x), x, np.float32(0))
    assert np.array_equal(kind.encode_rows(x), kind.encode_rows(zeroed))
