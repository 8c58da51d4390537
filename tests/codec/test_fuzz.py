"""Every encoder survives bench/codec_fuzz.py, and its checks notice what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import codec_fuzz
import numpy as np
import pytest

from quantcli import codec
from quantcli.codec.search.scale import Search

Encode = Callable[[np.ndarray, np.ndarray | None, Search, np.ndarray], None]

# Of each type at each effort; `python bench/codec_fuzz.py` takes 100,000.
BLOCKS = 1000


def problems(kind: codec.Codec, effort: str = "normal") -> list[str]:
    run = codec_fuzz.Run(kind, effort, seed=2)
    run.run(BLOCKS)
    return run.problems


@pytest.mark.parametrize("effort", codec.EFFORTS)
@pytest.mark.parametrize("name", codec.names())
def test_no_block_breaks_an_encoder(name: str, effort: str) -> None:
    assert problems(codec.get(name), effort) == []


def plain(x: np.ndarray, _w: np.ndarray | None, _search: Search, out: np.ndarray) -> None:
    """Q8_0 of rows (n, 32) as it should be."""
    out["d"] = np.abs(x).max(axis=1) / np.float32(127)
    scale = out["d"].astype(np.float32)[:, None]
    out["qs"] = np.rint(x / np.where(scale > 0, scale, 1)).clip(-127, 127)


# Taken apart from the encoder in use, whatever the layout that one wants.
Q8_0 = replace(codec.get("Q8_0"), by_rows=True, quads=False, encode=plain)


def no_scale(x: np.ndarray, _w: np.ndarray | None, _search: Search, out: np.ndarray) -> None:
    """Blocks of zeros: the largest error that a bound of less than 1 must notice."""
    out[:] = np.zeros((), Q8_0.layout)


def shared(x: np.ndarray, w: np.ndarray | None, search: Search, out: np.ndarray) -> None:
    """The largest scale of all blocks at hand."""
    plain(x, w, search, out)
    out["d"] = out["d"].max()
    scale = np.maximum(out["d"].astype(np.float32), np.float32(1e-7))
    out["qs"] = np.rint(x / scale[:, None]).clip(-127, 127)


def not_a_number(x: np.ndarray, w: np.ndarray | None, search: Search, out: np.ndarray) -> None:
    """The division of zero by zero, repaired afterwards."""
    plain(x, w, search, out)
    np.nan_to_num(x / np.abs(x).max(axis=1, keepdims=True))


def infinite(x: np.ndarray, w: np.ndarray | None, search: Search, out: np.ndarray) -> None:
    """A scale of infinity where the largest value is far below the limit."""
    plain(x, w, search, out)
    out["d"][np.abs(x).max(axis=1) > 30000] = np.inf


def doubled(x: np.ndarray, w: np.ndarray | None, search: Search, out: np.ndarray) -> None:
    """Values that grow."""
    plain(x, w, search, out)
    out["d"] *= np.float16(2.5)


BROKEN: dict[str, tuple[Encode, str]] = {
    "no scale": (no_scale, "uniform"),
    "shared": (shared, "other bytes"),
    "not a number": (not_a_number, "invalid value"),
    "infinite": (infinite, "ScaleOverflowError"),
    "doubled": (doubled, "growth"),
}


def test_a_sound_encoder_passes() -> None:
    assert problems(Q8_0) == []


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_encoder_is_noticed(case: str) -> None:
    encode, word = BROKEN[case]
    found = problems(replace(Q8_0, encode=encode))
    assert any(word in problem for problem in found), found


def test_a_value_that_is_silently_cut_is_noticed() -> None:
    """Nothing above the limit may be encoded as if it were the limit."""

    def cut(x: np.ndarray, w: np.ndarray | None, search: Search, out: np.ndarray) -> None:
        plain(x.clip(-65504, 65504), w, search, out)

    found = problems(replace(Q8_0, encode=cut))
    assert any("uniform" in problem for problem in found), found
