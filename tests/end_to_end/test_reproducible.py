"""The bytes of the output depend on neither workers, nor chunks, nor the processor's vectors."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny

# Underscored, but numpy has no other name for it and documents this one for the same purpose.
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

import quantcli

PRESETS = ("Q4_K_M", "Q5_K_S", "Q6_K", "Q5_1", "Q8_0", "F16", "BF16")
VARIABLE = "NPY_DISABLE_CPU_FEATURES"
CONVERT = "import sys, quantcli; quantcli.convert(*sys.argv[1:4], jobs=1, force=True)"
FEATURES = (
    "import json; from numpy._core._multiarray_umath import __cpu_features__ as f;"
    "print(json.dumps([name for name in f if f[name]]))"
)
DISPATCHED = [name for name in __cpu_dispatch__ if __cpu_features__[name]]


@pytest.fixture
def model(make_tiny: Callable[..., Path]) -> Path:
    return make_tiny("llama", size=tiny.WIDE, dtype="BF16", shards=2)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("preset", PRESETS)
def test_chunks_change_nothing(model: Path, tmp_path: Path, preset: str) -> None:
    found = set()
    for number, size in enumerate((5000, 1 << 16, 1 << 22)):
        output = tmp_path / f"{number}.gguf"
        quantcli.convert(model, preset, output, jobs=1, chunk_weights=size)
        found.add(digest(output))
    assert len(found) == 1


def test_workers_change_nothing(model: Path, tmp_path: Path) -> None:
    found = set()
    for jobs in (1, 2, 5):
        output = tmp_path / f"{jobs}.gguf"
        quantcli.convert(model, "Q4_K_M", output, jobs=jobs, chunk_weights=1 << 14)
        found.add(digest(output))
    assert len(found) == 1


def run(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.skipif(not DISPATCHED, reason="this processor has no dispatch level to switch off")
@pytest.mark.parametrize("preset", ["Q4_K_M", "Q5_1", "Q8_0"])
def test_vector_width_changes_nothing(model: Path, tmp_path: Path, preset: str) -> None:
    found = set()
    for environment in ({}, {VARIABLE: " ".join(DISPATCHED)}):
        left = set(json.loads(run(environment, "-c", FEATURES)))
        assert bool(environment) == left.isdisjoint(DISPATCHED), "the variable took no effect"
        output = tmp_path / "out.gguf"
        run(environment, "-c", CONVERT, str(model), preset, str(output))
        found.add(digest(output))
    assert len(found) == 1
