"""A folder of models × several types: all are made, skipped when current, failures named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tiny

SCRIPT = Path(__file__).parents[2] / "scripts" / "batch_convert.py"


def batch(models: Path, out: Path, *extra: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(models), "--out", str(out), *extra]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_converts_then_skips_then_goes_on_after_a_failure(tmp_path: Path) -> None:
    models, out = tmp_path / "models", tmp_path / "out"
    tiny.write_tiny("llama", models / "alpha")
    tiny.write_tiny("qwen2", models / "beta")
    (models / "no-model").mkdir()
    types = ("-t", "Q4_K_M", "-t", "q8_0")

    first = batch(models, out, *types, "--", "--jobs", "1")
    assert first.returncode == 0, first.stderr
    names = ["alpha.Q4_K_M.gguf", "alpha.q8_0.gguf", "beta.Q4_K_M.gguf", "beta.q8_0.gguf"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert first.stdout.count("converted") == 4
    assert first.stdout.splitlines()[-1] == "4 of 4 up to date, 0 failed"
    times = {path: path.stat().st_mtime_ns for path in out.iterdir()}

    second = batch(models, out, *types)
    assert second.returncode == 0, second.stderr
    assert "converted" not in second.stdout
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == times

    broken = tiny.write_tiny("llama", models / "aaa-broken")
    weights = next(broken.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1])
    third = batch(models, out, *types)
    assert third.returncode == 1
    assert third.stdout.splitlines()[-1] == "4 of 6 up to date, 2 failed"
    assert third.stdout.count("(exit 3)") == 2
    assert weights.name in third.stderr
    assert str(out / "aaa-broken.Q4_K_M.gguf") in third.stderr
    assert sorted(path.name for path in out.iterdir()) == names


def test_nothing_to_convert_is_wrong_usage(tmp_path: Path) -> None:
    done = batch(tmp_path, tmp_path / "out", "-t", "Q8_0")
    assert done.returncode == 2
    assert "no folder with a config.json" in done.stderr
    assert not (tmp_path / "out").exists()
