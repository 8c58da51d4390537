"""Correct encodings stay within the bounds, wrong ones do not."""

from __future__ import annotations

import numpy as np
import pytest

from quantcli import codec
from quantcli.evaluate.bounds import BOUNDS
from quantcli.evaluate.tensor_error import TensorError, exceeds, measure

ROWS, COLUMNS = 64, 1024
COLUMN = np.arange(COLUMNS)


def weights(kind: str) -> np.ndarray:
    random = np.random.default_rng(7)
    size = (ROWS, COLUMNS)
    spike = random.standard_normal(size) * np.where(COLUMN % 32 == 0, 50.0, 1.0)
    per_group = np.exp(2 * random.standard_normal((ROWS, COLUMNS // 32))).repeat(32, axis=1)
    made = {
        "gaussian": random.standard_normal(size),
        "laplace": random.laplace(size=size),
        "student": random.standard_t(3, size=size),
        "uniform": random.uniform(-1, 1, size),
        "shifted": random.standard_normal(size) + 5,
        "negative": random.standard_normal(size) - 5,
        "spike": spike,
        "groups": random.standard_normal(size) * per_group,
        "signs": np.where(random.random(size) < 0.5, -1.0, 1.0),
        "zeros": np.zeros(size),
        "untrained": 1e-10 * random.standard_normal(size),
        "denormal scales": 1e-5 * random.standard_normal(size),
    }
    return (0.02 * made[kind]).astype(np.float32)


KINDS = (
    *("gaussian", "laplace", "student", "uniform", "shifted", "negative"),
    *("spike", "groups", "signs", "zeros", "untrained"),
)
QUANTIZED = tuple(name for name in codec.names() if codec.get(name).block > 1)


def error_of(name: str, source: np.ndarray, stored: np.ndarray) -> TensorError:
    """Return the error of a tensor that holds `stored` where `source` is wanted."""
    kind = codec.get(name)
    decoded = kind.decode_rows(kind.encode_rows(stored.copy()))
    return measure(source.copy(), decoded, kind.block, BOUNDS[name])


def test_every_codec_has_a_bound() -> None:
    assert set(codec.names()) <= set(BOUNDS)


@pytest.mark.parametrize("kind", [*KINDS, "denormal scales"])
@pytest.mark.parametrize("name", codec.names())
def test_correct_encodings_pass(name: str, kind: str) -> None:
    x = weights(kind)
    error = error_of(name, x, x)
    assert error.bad_blocks == 0, (error.worst_block, BOUNDS[name])
    assert not exceeds(error, BOUNDS[name], x.size), (error.relative_rmse, BOUNDS[name])


@pytest.mark.parametrize("kind", ["gaussian", "student", "uniform", "groups"])
@pytest.mark.parametrize("name", codec.names())
def test_two_exchanged_rows_fail_at_the_first_of_them(name: str, kind: str) -> None:
    x = weights(kind)
    stored = x.copy()
    stored[[20, 40]] = stored[[40, 20]]
    error = error_of(name, x, stored)
    assert error.first_bad is not None
    assert error.first_bad[0] == 20
    assert error.bad_blocks >= COLUMNS // codec.get(name).block


@pytest.mark.parametrize("name", codec.names())
def test_permuted_columns_and_doubled_values_exceed_the_tensor_bound(name: str) -> None:
    x = weights("student")
    for stored in (x[:, ::-1], 2 * x, -x, np.roll(x, 1, axis=1)):
        assert exceeds(error_of(name, x, stored), BOUNDS[name], x.size)


@pytest.mark.parametrize("name", QUANTIZED)
def test_the_bound_is_no_looser_than_the_next_coarser_type_needs(name: str) -> None:
    """A Q8_0 tensor that went through Q6_K first must not pass, and so on."""
    coarser = {"Q8_0": "Q6_K", "Q6_K": "Q4_K", "Q5_K": "Q4_0", "Q5_1": "Q4_0", "Q5_0": None}
    coarser |= {"MXFP4": "Q2_0", "NVFP4": "Q1_0", "Q3_K": "TQ1_0", "Q2_K": "Q1_0"}
    coarser |= {"IQ3_XXS": "Q1_0", "IQ3_S": "TQ1_0"}
    coarse = coarser.get(name)
    if name.startswith(("IQ1", "IQ2", "TQ")) or name in ("Q1_0", "Q2_0"):
        x = weights("gaussian")
        stored = np.zeros_like(x)
    elif coarse is None:
        # Four-bit types, and Q5_0 whose heavy-tailed error reaches Q4_1's Gaussian one: nothing
        # among the types here is coarse enough, so three-bit rounding stands for it.
        x = weights("gaussian")
        step = np.abs(x).reshape(-1, 32).max(axis=1)[:, None] / np.float32(3)
        stored = (np.rint(x.reshape(-1, 32) / step) * step).reshape(x.shape)
    else:
        x = weights("gaussian")
        kind = codec.get(coarse)
        stored = kind.decode_rows(kind.encode_rows(x))
    assert exceeds(error_of(name, x, stored), BOUNDS[name], x.size)
