"""The scales of types with one scale per group, beside what an exhaustive search finds."""

from __future__ import annotations

import numpy as np
import pytest
from samples import bell, importance, tails

from quantcli import codec

COLUMNS = 768
INPUTS = {"bell": bell(64, COLUMNS, 1), "tails": tails(64, COLUMNS, 2)}
# Magnitudes of E2M1, doubled.
MAGNITUDES = np.array([0, 1, 2, 3, 4, 6, 8, 12])


def column_weights(*, weighted: bool) -> np.ndarray:
    return importance(COLUMNS, 3) if weighted else np.ones(COLUMNS, np.float32)


def squares(name: str, x: np.ndarray, weight: np.ndarray, effort: str, group: int) -> np.ndarray:
    """Weighted squared error of each group as encoded."""
    kind = codec.get(name)
    back = kind.decode_rows(kind.encode_rows(x, weight, effort=effort))
    return ((back.astype(np.float64) - x) ** 2 * weight).reshape(-1, group).sum(axis=1)


def grouped(x: np.ndarray, weight: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray]:
    shape = (-1, group)
    return x.astype(np.float64).reshape(shape), np.broadcast_to(weight, x.shape).reshape(shape)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("source", INPUTS)
def test_mxfp4_takes_the_better_of_two_exponents(source: str, *, weighted: bool) -> None:
    x, weight = INPUTS[source], column_weights(weighted=weighted)
    values, weights = grouped(x, weight, 32)
    # the exponent that the specification asks for, and the next
    unit = 2.0 ** (np.floor(np.log2(np.abs(values).max(axis=1, keepdims=True))) - 3)
    errors = []
    for scale in (unit, 2 * unit):
        nearest = np.abs(np.abs(values / scale)[..., None] - MAGNITUDES).min(axis=-1) * scale
        errors.append((nearest**2 * weights).sum(axis=1))
    ours = squares("MXFP4", x, weight, "normal", 32)
    assert np.all(ours <= np.minimum(*errors) * (1 + 1e-5))
    assert np.all(squares("MXFP4", x, weight, "best", 32) <= ours * (1 + 1e-5))


@pytest.mark.parametrize("effort, loss", [("fast", 1.02), ("normal", 1.02), ("best", 1.001)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("source", INPUTS)
def test_ternary_scales_are_nearly_the_best(
    source: str, effort: str, loss: float, *, weighted: bool
) -> None:
    x, weight = INPUTS[source], column_weights(weighted=weighted)
    values, weights = grouped(x, weight, 256)
    # the k largest magnitudes are chosen: their mean explains (Σwx)²/Σw of Σwx²
    order = np.argsort(-np.abs(values), axis=1)
    size, heavy = (np.take_along_axis(a, order, axis=1) for a in (np.abs(values), weights))
    explained = np.cumsum(size * heavy, axis=1) ** 2 / np.cumsum(heavy, axis=1)
    least = (weights * values**2).sum() - explained.max(axis=1).sum()
    for name in ("TQ1_0", "TQ2_0"):
        assert np.sqrt(squares(name, x, weight, effort, 256).sum() / least) <= loss


@pytest.mark.parametrize("effort, loss", [("fast", 1.06), ("normal", 1.02), ("best", 1.001)])
@pytest.mark.parametrize("source", INPUTS)
def test_scales_of_q2_0_are_nearly_the_best(source: str, effort: str, loss: float) -> None:
    x, weight = INPUTS[source], column_weights(weighted=False)
    values, _ = grouped(x, weight, 64)
    peak = np.abs(values).max(axis=1, keepdims=True)
    least = np.full(len(values), np.inf)
    for divisor in np.linspace(-6, 6, 400):
        scale = peak / divisor
        levels = np.rint(values / scale).clip(-1, 2)
        least = np.minimum(least, ((levels * scale - values) ** 2).sum(axis=1))
    assert np.sqrt(squares("Q2_0", x, weight, effort, 64).sum() / least.sum()) <= loss


@pytest.mark.parametrize("weighted", [False, True])
def test_one_bit_scales_are_the_weighted_mean(*, weighted: bool) -> None:
    x, weight = INPUTS["tails"], column_weights(weighted=weighted)
    values, weights = grouped(x, weight, 128)
    kind = codec.get("Q1_0")
    back = kind.decode_rows(kind.encode_rows(x, weight)).reshape(-1, 128)
    mean = (np.abs(values) * weights).sum(axis=1) / weights.sum(axis=1)
    assert np.allclose(np.abs(back), mean[:, None], rtol=2.0**-11)
    assert np.array_equal(back > 0, values >= 0)
