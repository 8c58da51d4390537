"""Settings that change what a model computes: llama.cpp gives transformers' numbers for our files.

The numbers are frozen by scripts/freeze_computation.py; the checkpoints are in computed.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from computed import CASES, FIXTURE, TEXT, write_case
from llamacpp import LlamaCpp

import quantcli

FROZEN: dict[str, Any] = json.loads(FIXTURE.read_text(encoding="utf-8"))
# llama.cpp keeps keys and values as float16.
TOLERANCE = 3e-3


def difference(got: Any, expected: Any) -> float:
    """Return the largest difference over the largest number."""
    return float(np.abs(np.subtract(got, expected)).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", CASES)
def test_llama_cpp_computes_what_transformers_computes(tmp_path: Path, name: str) -> None:
    case, expected = CASES[name], FROZEN[name]
    output = tmp_path / "out.gguf"
    quantcli.convert(write_case(case, tmp_path / "model"), "f32", output, jobs=1)
    model = LlamaCpp(output, embedding=bool(case.classes), threads=1)
    if case.classes:
        got = model.classify(TEXT[:60], case.classes)
    else:
        got = model.logits(TEXT, len(expected))
    assert difference(got, expected) < TOLERANCE


# What is stored otherwise, and still the same model.
SAME = {"plain", "doubled prefix", "tied, only the head stored"}


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.model == "llama"])
def test_each_setting_shows_in_the_numbers(name: str) -> None:
    """What a case is about moves the numbers by far more than the tolerance."""
    moved = difference(FROZEN[name], FROZEN["plain"])
    assert moved == 0 if name in SAME else moved > 10 * TOLERANCE
