"""The error measure against plain float64 arithmetic, and its decisions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantcli.evaluate.bounds import Bound
from quantcli.evaluate.tensor_error import TensorError, exceeds, measure

LOOSE = Bound(tensor=10.0, block=10.0, floor=0.0)


def pair(seed: int, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    source = random.standard_normal((rows, columns)).astype(np.float32)
    return source, source + 0.1 * random.standard_normal((rows, columns)).astype(np.float32)


@given(seed=st.integers(0, 99), cuts=st.lists(st.integers(0, 12), max_size=4))
def test_any_chunking_gives_the_sums_of_the_definition(seed: int, cuts: list[int]) -> None:
    source, decoded = pair(seed, 12, 64)
    edges = [0, *sorted(cuts), 12]
    merged = TensorError()
    for start, stop in itertools.pairwise(edges):
        part = measure(source[start:stop].copy(), decoded[start:stop].copy(), 32, LOOSE, start)
        merged = merged.merged(part)
    x, y = source.astype(np.float64), decoded.astype(np.float64)
    assert merged.relative_rmse == pytest.approx(
        math.sqrt(((y - x) ** 2).sum() / (x**2).sum()), rel=1e-6
    )
    ratios = ((y - x) ** 2).reshape(-1, 32).sum(1) / (x**2).reshape(-1, 32).sum(1)
    assert merged.worst_block == pytest.approx(math.sqrt(ratios.max()), rel=1e-6)
    assert (merged.bad_blocks, merged.first_bad, merged.nonfinite) == (0, None, 0)


def test_the_first_bad_block_is_named() -> None:
    source, _ = pair(1, 8, 128)
    decoded = source.copy()
    decoded[5, 70] += 30
    decoded[6, 3] += 30
    error = measure(source, decoded, 32, Bound(1.0, 0.5, 0.0), first_row=100)
    assert (error.bad_blocks, error.first_bad) == (2, (105, 2))


def test_nan_and_infinity_in_decoded_values_are_bad_even_under_a_loose_bound() -> None:
    for value in (np.nan, np.inf, -np.inf):
        source, _ = pair(1, 2, 64)
        decoded = source.copy()
        decoded[1, 40] = value
        error = measure(source, decoded, 32, LOOSE)
        assert error.first_bad == (1, 1)
        assert exceeds(error, LOOSE, source.size)


def test_nonfinite_source_values_are_counted_and_left_out() -> None:
    source, _ = pair(1, 2, 64)
    decoded = source.copy()
    source[0, 3], source[1, 5] = np.nan, np.inf
    decoded[0, 3], decoded[1, 5] = 0, 7
    error = measure(source, decoded, 32, Bound(0.0, 0.0, 0.0))
    assert (error.nonfinite, error.bad_blocks, error.relative_rmse) == (2, 0, 0.0)


def test_zero_rows() -> None:
    zeros = np.zeros((2, 32), np.float32)
    assert measure(zeros.copy(), zeros.copy(), 32, Bound(0.1, 0.1, 0.0)).bad_blocks == 0
    wrong = measure(zeros.copy(), zeros + 1, 32, Bound(0.1, 0.1, 0.0))
    assert wrong.bad_blocks == 2
    assert wrong.relative_rmse == math.inf


def test_values_below_the_floor_may_vanish_and_values_above_may_not() -> None:
    bound = Bound(0.1, 0.1, floor=1e-6)
    tiny = np.full((1, 32), 9e-7, np.float32)
    gone = measure(tiny.copy(), np.zeros_like(tiny), 32, bound)
    assert gone.bad_blocks == 0
    assert not exceeds(gone, bound, tiny.size)
    small = np.full((1, 32), 2e-6, np.float32)
    lost = measure(small.copy(), np.zeros_like(small), 32, bound)
    assert lost.bad_blocks == 1
    assert exceeds(lost, bound, small.size)


def test_an_exact_type_allows_no_difference() -> None:
    source, _ = pair(1, 1, 32)
    exact = Bound(0.0, 0.0, 0.0)
    assert measure(source.copy(), source.copy(), 1, exact).bad_blocks == 0
    decoded = source.copy()
    decoded[0, 9] = np.nextafter(decoded[0, 9], np.float32(9))
    error = measure(source, decoded, 1, exact)
    assert error.first_bad == (0, 9)
    assert exceeds(error, exact, source.size)


def test_a_tensor_of_few_blocks_is_held_to_the_bound_for_blocks() -> None:
    bound = Bound(tensor=0.1, block=0.3, floor=0.0)
    error = TensorError(error_square=0.04, source_square=1.0)
    assert not exceeds(error, bound, 256)
    assert exceeds(error, bound, 1 << 20)
    assert exceeds(TensorError(error_square=0.1, source_square=1.0), bound, 256)
