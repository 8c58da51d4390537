"""The harness itself: what it makes is the same everywhere, and what is wrong it finds."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest

from conformance import isolated, peer, report, run, weights
from conformance.case import Case


def test_values_depend_on_the_name_alone() -> None:
    values = weights.uniform("model.layers.0.mlp.up_proj.weight", (3, 5), -0.5, 0.5)
    # A digest, so that another numpy or machine that made other checkpoints would be found out.
    assert hashlib.sha256(values.tobytes()).hexdigest()[:16] == "6777627d367a0a1f"
    assert values.dtype == np.float32
    assert np.abs(values).max() <= 0.5
    other = weights.uniform("model.layers.1.mlp.up_proj.weight", (3, 5), -0.5, 0.5)
    assert not np.array_equal(values, other)


@pytest.mark.parametrize(
    "name, shape, interval",
    [
        ("model.layers.0.input_layernorm.weight", (8,), (0.5, 1.5)),
        ("model.layers.0.self_attn.q_proj.bias", (8,), (-0.5, 0.5)),
        ("model.layers.0.mixer.A_log", (8,), (0.0, 2.0)),
        ("model.embed_tokens.weight", (8, 8), (-1.0, 1.0)),
        ("model.layers.0.mlp.up_proj.weight", (8, 12), (-0.75, 0.75)),
    ],
)
def test_values_lie_where_their_kind_needs_them(
    name: str, shape: tuple[int, ...], interval: tuple[float, float]
) -> None:
    assert weights.interval(name, shape, {}) == interval
    assert weights.interval(name, shape, {"other": (7, 8), r"\.": (1, 2)}) == (1, 2)


def test_what_a_child_returns_raises_or_dies_of_is_told(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def fail() -> None:
        os.write(2, b"before")
        raise ValueError("two\nlines")

    assert isolated.call(sum, [1, 2], log=log, seconds=20) == 3
    with pytest.raises(isolated.FailedError, match="ValueError: two") as caught:
        isolated.call(fail, log=log, seconds=20)
    assert "before" in caught.value.detail
    with pytest.raises(isolated.FailedError, match="died of signal 9"):
        isolated.call(lambda: os.kill(os.getpid(), 9), log=log, seconds=20)
    with pytest.raises(isolated.FailedError, match="took more than"):
        isolated.call(time.sleep, 60, log=log, seconds=0.1)


def result(kind: str = "logits", **options: str) -> run.Result:
    return run.Result("x", Case("c", "C", kind=kind, **options))


def test_another_function_is_told_from_rounding() -> None:
    expected = np.random.default_rng(1).standard_normal((4, 9))
    same = result()
    # What is added to all logits of a position changes nothing.
    run.compare(same, expected, expected * (1 + 1e-6) + 5)
    assert same.failures == []
    assert same.tops == (4, 4)
    for wrong in (expected[:, ::-1], expected + 1e-2 * expected[::-1]):
        off = result()
        run.compare(off, expected, wrong)
        assert "something else" in off.failures[0]
    nan = result()
    run.compare(nan, expected, np.full((4, 9), np.nan))
    assert "something else" in nan.failures[0]
    short = result()
    run.compare(short, expected, expected[:, :8])
    assert "gives (4, 8)" in short.failures[0]


def test_an_excuse_that_is_not_needed_is_refused() -> None:
    expected = np.random.default_rng(1).standard_normal((4, 9))
    excused = result(runtime_wrong="it lacks something")
    run.compare(excused, expected, expected)
    assert "llama.cpp is right" in excused.failures[0]


def test_rounded_gelu_excuses_rounding_only() -> None:
    expected = np.random.default_rng(1).standard_normal((4, 9))
    got = expected + 4e-3 * expected[::-1]
    excused, not_excused = result(), result()
    run.compare(excused, expected, got, lambda: got)
    assert excused.failures == []
    run.compare(not_excused, expected, got, lambda: expected)
    assert "something else" in not_excused.failures[0]


def test_every_difference_to_the_converter_is_named() -> None:
    ours = ({"a": ("F32", (2,), b"1"), "b": ("F32", (2,), b"1")}, {"x.n": ("uint32", 1)})
    theirs = ({"a": ("F32", (2,), b"2"), "c": ("F32", (2,), b"1")}, {"x.n": ("int32", 1)})
    assert set(peer.differences(ours, theirs)) == {"a", "b", "c", "x.n"}
    assert peer.differences(ours, ours) == {}


def test_the_page_says_what_is_frozen() -> None:
    again = "run `python scripts/conformance.py report`, which needs no torch"
    assert report.PAGE.read_text(encoding="utf-8") == report.page(), again
