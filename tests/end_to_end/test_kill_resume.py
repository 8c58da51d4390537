"""A conversion killed without warning goes on to the same bytes, and never shows half a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny

import quantcli

CHUNK = 4096
CONVERT = (
    "import sys, quantcli;"
    "quantcli.convert(sys.argv[1], 'Q4_K_M', sys.argv[2], jobs=int(sys.argv[3]),"
    f"chunk_weights={CHUNK})"
)
PATIENCE = 60.0


@pytest.fixture
def model(make_tiny: Callable[..., Path]) -> Path:
    return make_tiny("llama", size=tiny.WIDE, dtype="BF16", shards=2)


def kill_at(lines: int, model: Path, output: Path, jobs: int, *, group: bool) -> None:
    """Start a conversion and send SIGKILL once its journal has that many lines."""
    journal = output.with_name(output.name + ".partial.journal")
    command = [sys.executable, "-c", CONVERT, str(model), str(output), str(jobs)]
    process = subprocess.Popen(command, start_new_session=True)
    deadline = time.monotonic() + PATIENCE
    while not journal.exists() or journal.read_bytes().count(b"\n") < lines:
        assert process.poll() is None, "the conversion ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    if group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("group", [True, False], ids=["group", "parent only"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_and_resumed(model: Path, tmp_path: Path, jobs: int, group: bool) -> None:
    undisturbed, output = tmp_path / "undisturbed.gguf", tmp_path / "out.gguf"
    quantcli.convert(model, "Q4_K_M", undisturbed, jobs=1)
    for lines in (1, 30, 90):  # killed three times, each time further on
        kill_at(lines, model, output, jobs, group=group)
        assert not output.exists()
    result = quantcli.convert(model, "Q4_K_M", output, jobs=jobs, chunk_weights=CHUNK)
    assert 50 * CHUNK < result.resumed < result.weights
    assert output.read_bytes() == undisturbed.read_bytes()
    assert sorted(path.name for path in tmp_path.glob("out.gguf*")) == ["out.gguf"]


def test_a_resumed_run_may_use_other_workers_and_chunks(model: Path, tmp_path: Path) -> None:
    undisturbed, output = tmp_path / "undisturbed.gguf", tmp_path / "out.gguf"
    quantcli.convert(model, "Q4_K_M", undisturbed, jobs=1)
    kill_at(30, model, output, 2, group=True)
    result = quantcli.convert(model, "Q4_K_M", output, jobs=1, chunk_weights=1 << 20)
    assert result.resumed > 0
    assert output.read_bytes() == undisturbed.read_bytes()


def test_another_preset_does_not_take_over_what_was_done(model: Path, tmp_path: Path) -> None:
    fresh, output = tmp_path / "fresh.gguf", tmp_path / "out.gguf"
    quantcli.convert(model, "Q5_K_M", fresh, jobs=1)
    kill_at(30, model, output, 1, group=True)
    result = quantcli.convert(model, "Q5_K_M", output, jobs=1)
    assert result.resumed == 0
    assert output.read_bytes() == fresh.read_bytes()
