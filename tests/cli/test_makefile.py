"""`quantcli --makefile`, run by a real make: one rule a preset, made once, again when stale."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

from quantcli import recipe

QUANTCLI = Path(sys.executable).with_name("quantcli")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    tiny.write_tiny("llama", tmp_path / "model-1.5")
    (tmp_path / "Makefile").write_text(f"include $(shell {QUANTCLI} --makefile)\n")
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make")
    assert program, "GNU make is needed, as the project's own Makefile is"
    # A make above this one would pass its own flags down.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        [program, f"QUANTCLI={QUANTCLI}", "QUANTCLI_FLAGS=--quiet --jobs 1", *arguments],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_preset_has_a_rule(project: Path) -> None:
    for preset in recipe.names():
        done = make(project, "-n", f"model-1.5-{preset}.gguf")
        assert done.returncode == 0, done.stderr
        assert f"convert model-1.5 -t {preset} -o model-1.5-{preset}.gguf" in done.stdout


def test_makes_once_and_again_when_the_checkpoint_is_newer(project: Path) -> None:
    target = project / "model-1.5-Q4_K_M.gguf"
    first = make(project, target.name)
    assert first.returncode == 0, first.stderr
    data = target.read_bytes()
    assert data[:4] == b"GGUF"
    assert "up to date" in make(project, target.name).stdout

    for path in (project / "model-1.5").glob("*.safetensors"):
        later = target.stat().st_mtime_ns + 1_000_000_000
        os.utime(path, ns=(later, later))
    again = make(project, target.name)
    assert "convert model-1.5" in again.stdout
    assert again.returncode == 0, again.stderr
    assert target.read_bytes() == data


def test_a_missing_model_and_a_broken_one_stop_make(project: Path) -> None:
    missing = make(project, "other-Q8_0.gguf")
    assert missing.returncode == 2
    assert "No rule to make target" in missing.stderr

    (project / "model-1.5" / "config.json").write_text("{}")
    broken = make(project, "model-1.5-Q8_0.gguf")
    assert broken.returncode == 2
    assert "config.json" in broken.stderr
    assert not (project / "model-1.5-Q8_0.gguf").exists()
