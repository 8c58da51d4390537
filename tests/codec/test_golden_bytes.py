"""The bytes of every codec are frozen."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from quantcli import codec

SCRIPT = Path(__file__).parents[2] / "scripts" / "freeze_codecs.py"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("freeze_codecs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


freeze = load_script()


@pytest.mark.parametrize("effort", codec.EFFORTS)
@pytest.mark.parametrize("name", codec.names())
def test_bytes_are_the_frozen_ones(name: str, effort: str) -> None:
    golden = freeze.GOLDEN / f"{name}.{effort}.sha"
    assert golden.is_file(), "run scripts/freeze_codecs.py once for a new type"
    assert freeze.digest(name, effort) == golden.read_text().strip()


def test_no_frozen_file_is_left_over() -> None:
    expected = {f"{name}.{effort}.sha" for name in codec.names() for effort in codec.EFFORTS}
    assert {path.name for path in freeze.GOLDEN.iterdir()} == expected
