from __future__ import annotations

import os
from pathlib import Path

import pytest

from quantcli.execute.cores import available_cores

AFFINITY = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    "content,expected",
    [("max 100000", AFFINITY), ("50000 100000", 1), ("100000 100000", 1), ("junk", AFFINITY)],
)
def test_version_2_quota(tmp_path: Path, content: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(content)
    assert available_cores(tmp_path) == expected


@pytest.mark.parametrize("quota,expected", [("-1", AFFINITY), ("20000", 1)])
def test_version_1_quota(tmp_path: Path, quota: str, expected: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert available_cores(tmp_path) == expected
