"""A folder of models in several types: all are made, skipped when current, failures named."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny

import quantcli
from quantcli.errors import CheckpointError, UsageError


def batch(models: Path, out: Path, *extra: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quantcli", "batch", str(models), "--out", str(out), *extra]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def states(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.split("  ")[1].strip() for line in done.stdout.splitlines()[1:]]


def test_converts_then_skips_then_goes_on_after_a_failure(tmp_path: Path) -> None:
    models, out = tmp_path / "models", tmp_path / "new" / "out"
    tiny.write_tiny("llama", models / "alpha")
    tiny.write_tiny("qwen2", models / "beta {x}")
    (models / "no-model").mkdir()
    types = ("-t", "Q4_K_M", "-t", "q8_0", "-t", "INT8", "--jobs", "1")

    first = batch(models, out, *types)
    assert first.returncode == 0, first.stderr
    names = [f"{name}-{kind}.gguf" for name in ("alpha", "beta {x}") for kind in ("Q4_K_M", "Q8_0")]
    assert sorted(path.name for path in out.iterdir()) == names
    assert first.stdout.count("converted") == 4
    times = {path: path.stat().st_mtime_ns for path in out.iterdir()}

    second = batch(models, out, *types)
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("up to date") == 4
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == times

    broken = tiny.write_tiny("llama", models / "aaa-broken")
    weights = next(broken.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1])
    third = batch(models, out, *types)
    assert third.returncode == 1
    assert third.stdout.count("up to date") == 4
    assert third.stdout.count("failed") == 2
    assert weights.name in third.stderr
    assert third.stderr.splitlines()[-2] == "error: 2 of 6 files failed"
    assert sorted(path.name for path in out.iterdir()) == names
    quiet = batch(models, out, *types, "--quiet")
    assert (quiet.returncode, quiet.stdout) == (1, "")
    assert weights.name in quiet.stderr


def test_what_is_foreign_is_left_alone_and_the_rest_is_made(tmp_path: Path) -> None:
    models, out = tmp_path / "models", tmp_path / "out"
    tiny.write_tiny("llama", models / "alpha")
    out.mkdir()
    (out / "alpha-Q8_0.gguf").write_bytes(b"precious")
    result = quantcli.batch(models, ["q8_0", "Q4_0"], out, jobs=1)
    assert [item.state for item in result.items] == ["failed", "converted"]
    assert [item.preset for item in result.failed] == ["Q8_0"]
    assert (out / "alpha-Q8_0.gguf").read_bytes() == b"precious"
    assert quantcli.verify(out / "alpha-Q4_0.gguf", models / "alpha", jobs=1).passed


def test_the_hub_s_cache_is_a_folder_of_models(tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--Org--Some-Model"
    current, old = ("a" * 40, "b" * 40)
    for commit in (current, old):
        tiny.write_tiny("llama", repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(current)
    result = quantcli.batch(tmp_path / "hub", ["Q8_0"], tmp_path / "out", jobs=1)
    (item,) = result.items
    assert Path(item.model).name == current
    assert Path(item.output).name == "Some-Model-Q8_0.gguf"


def test_nothing_starts_when_the_call_is_wrong(tmp_path: Path) -> None:
    models, out = tmp_path / "models", tmp_path / "out"
    tiny.write_tiny("llama", models / "alpha")
    with pytest.raises(UsageError, match="unknown preset"):
        quantcli.batch(models, ["Q8_0", "Q9"], out)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        quantcli.batch(out, ["Q8_0"], out)
    for org in ("One", "Two"):
        repository = models / f"models--{org}--alpha"
        shutil.copytree(models / "alpha", repository / "snapshots" / "c")
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("c\n")
    with pytest.raises(UsageError, match=r"alpha-Q8_0\.gguf"):
        quantcli.batch(models, ["Q8_0"], out)
    assert not out.exists()


def test_ctrl_c_stops_the_whole_batch_and_the_same_command_goes_on(tmp_path: Path) -> None:
    models, out = tmp_path / "models", tmp_path / "out"
    for name in ("alpha", "beta"):
        tiny.write_tiny("llama", models / name, size=tiny.Size(width=256, inner=1024, layers=8))
    command = [sys.executable, "-m", "quantcli", "batch", str(models), "--out", str(out)]
    command += ["-t", "Q4_K_M", "--effort", "best", "--jobs", "1", "--json"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(out.glob("alpha*.partial.journal")):
        assert time.monotonic() < deadline
        assert running.poll() is None
        time.sleep(0.005)
    os.killpg(running.pid, signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130, stderr
    assert json.loads(stderr)["error"]["kind"] == "Interrupted"
    assert not list(out.glob("beta*"))
    assert batch(models, out, "-t", "Q4_K_M", "--effort", "fast").returncode == 0
    assert len(list(out.glob("*.gguf"))) == 2
