"""Blocks and what they decode to are the same with numpy's CPU-specific code switched off."""

from __future__ import annotations

import os
import subprocess
import sys

import codec_fuzz
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from quantcli import codec

VARIABLE = "NPY_DISABLE_CPU_FEATURES"
# What numpy was built with and this processor has, narrowest first.
LEVELS = [name for name in __cpu_dispatch__ if __cpu_features__[name]]


def digests(disabled: list[str]) -> tuple[list[str], dict[tuple[str, str], str]]:
    """Levels that a new process runs with, and what it writes by type and effort."""
    call = [sys.executable, codec_fuzz.__file__, "--blocks", "100"]
    done = subprocess.run(
        call,
        env={**os.environ, VARIABLE: " ".join(disabled)},
        capture_output=True,
        text=True,
        check=True,
    )
    first, _, *lines = done.stdout.splitlines()
    active = first.rpartition(":")[2].split()
    found = {(name, effort): digest for name, effort, *_, digest in map(str.split, lines)}
    return ([] if active == ["none"] else active), found


@pytest.fixture(scope="module")
def everything_on() -> dict[tuple[str, str], str]:
    active, found = digests([])
    assert active == LEVELS
    assert set(found) == {(name, effort) for name in codec.names() for effort in codec.EFFORTS}
    assert len(set(found.values())) > len(codec.names())  # efforts differ, so digests can
    return found


@pytest.mark.parametrize("kept", range(max(1, len(LEVELS))))
def test_bytes_do_not_depend_on_the_cpu(
    kept: int, everything_on: dict[tuple[str, str], str]
) -> None:
    """With the narrowest `kept` levels alone."""
    assert LEVELS, "this machine runs numpy's baseline already; nothing would be compared"
    active, found = digests(LEVELS[kept:])
    assert active == LEVELS[:kept]
    assert found == everything_on
