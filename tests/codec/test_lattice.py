"""The lattice fit beside exhaustive search, and its tables beside the `gguf` package."""

from __future__ import annotations

import importlib
import itertools

import gguf.quants
import numpy as np
import pytest
from samples import importance, tails

from quantcli import codec
from quantcli.codec import grids
from quantcli.codec.search import lattice
from quantcli.codec.search.lattice_points import Lattice, Vectors, _nearest
from quantcli.codec.search.scale import Search

LEVELS = (8, 25, 43)
NAMES = [name for name in codec.names() if name.startswith(("IQ1", "IQ2", "IQ3"))]


@pytest.mark.parametrize("name", ["IQ1_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"])
def test_points_are_those_of_the_gguf_package(name: str) -> None:
    kind = getattr(gguf.quants, name)
    kind.init_grid()
    assert np.array_equal(grids.points(name.lower()), kind.grid[0, 0])


def test_sign_codes_are_those_of_the_gguf_package() -> None:
    ours = grids.even_signs()
    assert ours.tobytes() == bytes(gguf.quants.IQ2_XXS.ksigns)


@pytest.mark.parametrize("name", NAMES)
def test_nearest_points_by_exhaustive_search(name: str) -> None:
    shape = importlib.import_module(f"quantcli.codec.formats.{name.lower()}").LATTICE
    stored = grids.points(shape.grid).astype(np.int64)
    near = _nearest(stored, np.array(shape.levels), 5)
    combinations = list(itertools.product(shape.levels, repeat=stored.shape[1]))
    assert near.shape == (5, len(combinations))
    for number in np.random.default_rng(1).integers(0, len(combinations), 100):
        distance = ((stored - combinations[number]) ** 2).sum(axis=1)
        assert near[:, number].tolist() == np.argsort(distance, kind="stable")[:5].tolist()


def vectors_of(*, weighted: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values (16, 16, 3), weights or ones, a scale per group."""
    x = np.ascontiguousarray(tails(3, 256, 3).reshape(3, 16, 16).T)
    w = np.ones_like(x)
    if weighted:
        w = np.ascontiguousarray(np.tile(importance(256, 4), (3, 1)).reshape(3, 16, 16).T)
    scale = np.sqrt(np.mean(x * x, axis=0)) / np.float32(2.5)
    return x, w, scale.astype(np.float32)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("signs", ["free", "even"])
def test_with_every_point_compared_the_choice_is_the_optimum(signs: str, weighted: bool) -> None:
    shape = Lattice("iq2_xxs", unit=0.125, levels=LEVELS, signs=signs)
    x, w, scale = vectors_of(weighted=weighted)
    fit = Vectors(x, w if weighted else None, shape, 256)
    nearby = fit.nearby(scale * fit.inverse, 256)
    index = fit.numbers(nearby, fit.choose(nearby, scale * fit.inverse).place)
    masks = fit.sign_masks(index)
    q = grids.points("iq2_xxs").astype(np.float64) * 0.125
    for vector, group, block in np.ndindex(index.shape):
        part = slice(8 * vector, 8 * vector + 8)
        values, weights = x[part, group, block], w[part, group, block]
        s = float(scale[group, block])
        mask = masks[vector, group, block]
        sign = 1 - 2 * np.unpackbits(mask, bitorder="little").astype(np.float64)
        chosen = (weights * (values - s * q[index[vector, group, block]] * sign) ** 2).sum()
        error = (weights * (abs(values) - s * q) ** 2).sum(axis=1)
        if signs == "even":
            assert np.count_nonzero(sign < 0) % 2 == 0
            if np.count_nonzero(values < 0) % 2:
                error += (4 * s * q * weights * abs(values)).min(axis=1)
        assert chosen <= error.min() * (1 + 1e-4) + 1e-6 * (weights * values**2).sum()


@pytest.mark.parametrize("name", NAMES)
def test_scaling_by_a_power_of_two_scales_the_decoded_values(name: str) -> None:
    x, kind = tails(4, 256, 7), codec.get(name)
    once = kind.decode_rows(kind.encode_rows(x))
    for factor in (np.float32(8), np.float32(2.0**10)):
        assert np.array_equal(kind.decode_rows(kind.encode_rows(x * factor)), once * factor)


@pytest.mark.parametrize("name", NAMES)
def test_columns_without_importance_are_still_fitted(name: str) -> None:
    x, q = tails(4, 768, 8), np.ones(768, np.float32)
    q[256:512] = 0  # one block in three counts for nothing
    kind = codec.get(name)
    back = kind.decode_rows(kind.encode_rows(x, q))
    part = slice(256, 512)
    plain = kind.decode_rows(kind.encode_rows(x))
    ours, best = (np.square(v[:, part] - x[:, part]).sum() for v in (back, plain))
    assert ours <= 1.2 * best


def test_a_plain_search_is_refused() -> None:
    shape = Lattice("iq2_s", unit=0.125, levels=LEVELS)
    with pytest.raises(TypeError, match="LatticeSearch"):
        lattice.fit_lattice(np.zeros((16, 16, 1), np.float32), None, shape, Search())
