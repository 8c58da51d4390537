"""The bytes of every codec are frozen, and the same with numpy's CPU-specific code switched off."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

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


WITHOUT_DISPATCH = """
import json, sys
sys.path.insert(0, {folder!r})
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
import freeze_codecs
from quantcli import codec
print(json.dumps({{
    "features": [name for name in __cpu_dispatch__ if __cpu_features__[name]],
    "digests": {{name: freeze_codecs.digest(name, "normal") for name in codec.names()}},
}}))
"""


def test_bytes_do_not_depend_on_the_cpu() -> None:
    active = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
    assert active, "this machine runs numpy's baseline already; nothing would be compared"
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_DISPATCH.format(folder=str(SCRIPT.parent))],
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(active)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["features"] == []
    for name, digest in found["digests"].items():
        assert digest == (freeze.GOLDEN / f"{name}.normal.sha").read_text().strip(), name
