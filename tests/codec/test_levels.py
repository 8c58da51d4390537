"""IQ4_NL and IQ4_XS beside the least error that their blocks can have: all scales are tried."""

from __future__ import annotations

import gguf.quants
import numpy as np
import pytest
from samples import importance, tails

from quantcli import codec
from quantcli.codec.search import codebook
from quantcli.codec.search.joint_scale import Candidates
from quantcli.codec.search.scale import Groups, Search

LEVELS = np.array(gguf.quants.IQ4_NL.kvalues, np.float64)


def test_levels_are_those_of_the_gguf_package() -> None:
    assert np.array_equal(codebook.LEVELS, LEVELS)


def least_errors(x: np.ndarray, w: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Least Σw(x - s·v)² of values (n,) for each scale s."""
    best = np.full((len(scales), len(x)), np.inf)
    for level in LEVELS:
        np.minimum(best, w * (x - scales[:, None] * level) ** 2, out=best)
    return best.sum(axis=1)


def halves(low: float, high: float) -> np.ndarray:
    """All float16 values of both signs with magnitudes between two bounds."""
    ends = np.array([low, high], np.float16).view(np.uint16)
    values = np.arange(ends[0], ends[1], dtype=np.uint16).view(np.float16).astype(np.float64)
    return np.concatenate([values, -values])


def sample(*, weighted: bool) -> tuple[np.ndarray, np.ndarray]:
    return tails(1, 1024, 12), importance(1024, 13) if weighted else np.ones(1024, np.float32)


def errors(name: str, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """What effort "best" leaves of each block."""
    kind = codec.get(name)
    square = (kind.decode_rows(kind.encode_rows(x, w, effort="best")) - x).astype(np.float64) ** 2
    return (square * w).reshape(-1, kind.block).sum(axis=1)


# What is left to win: with importance over four orders of magnitude a block has many good scales.
SLACK = {False: 1.003, True: 1.02}


@pytest.mark.parametrize("weighted", [False, True])
def test_no_scale_of_a_block_is_much_better(weighted: bool) -> None:
    x, w = sample(weighted=weighted)
    best = [
        least_errors(values, weights, halves(peak / 600, peak / 30)).min()
        for values, weights in zip(x.reshape(-1, 32), w.reshape(-1, 32), strict=True)
        for peak in [float(np.abs(values).max())]
    ]
    found = errors("IQ4_NL", x, w)
    assert (found >= np.array(best) * (1 - 1e-5)).all()
    assert found.sum() <= SLACK[weighted] * np.sum(best)


@pytest.mark.parametrize("weighted", [False, True])
def test_no_super_scale_is_much_better(weighted: bool) -> None:
    x, w = sample(weighted=weighted)
    best = 0.0
    for values, weights in zip(x.reshape(-1, 8, 32), w.reshape(-1, 8, 32), strict=True):
        peak = float(np.abs(values).max())
        trials = np.geomspace(peak / 4500, peak / 2000, 100).astype(np.float16).astype(np.float64)
        scales = trials[:, None] * np.arange(-32, 32)
        total = np.zeros(len(trials))
        for group, weight in zip(values, weights, strict=True):
            errors_at = least_errors(group, weight, scales.reshape(-1))
            total += errors_at.reshape(scales.shape).min(axis=1)
        best += total.min()
    assert errors("IQ4_XS", x, w).sum() <= SLACK[weighted] * best


def test_the_first_super_scale_is_the_best_for_all_candidates() -> None:
    rng = np.random.default_rng(1)
    product = rng.standard_normal((3, 4, 5)).astype(np.float32)
    square = rng.random((3, 4, 5), np.float32) + np.float32(0.1)
    weight = rng.random((4, 5), np.float32)
    trials = [np.full(5, value, np.float32) for value in (0.3, 0.2, 0.45)]
    candidates = Candidates()
    for pair in zip(product, square, strict=True):
        candidates.add(*pair)

    def explained(d: float, integer: int, place: tuple[int, int]) -> float:
        scale = d * integer
        pairs = zip(product, square, strict=True)
        return max(2 * scale * p[place] - scale**2 * q[place] for p, q in pairs)

    d, integers = candidates.super_scale(trials, lambda s: np.rint(s).clip(-4, 3), weight)
    for block in range(5):
        best = [
            sum(
                weight[group, block]
                * max(explained(trial[block], integer, (group, block)) for integer in range(-4, 4))
                for group in range(4)
            )
            for trial in trials
        ]
        ours = sum(
            weight[group, block] * explained(d[block], integers[group, block], (group, block))
            for group in range(4)
        )
        assert ours == pytest.approx(max(best), rel=1e-5)


@pytest.mark.parametrize("fit", [codebook.level_scale, codebook.fit_level_blocks])
def test_a_plain_search_is_refused(fit: object) -> None:
    groups = Groups(np.zeros((32, 8, 1), np.float32), None)
    arguments = (groups, Search()) if fit is codebook.level_scale else (groups, 32, Search())
    with pytest.raises(TypeError, match="LevelSearch"):
        fit(*arguments)
