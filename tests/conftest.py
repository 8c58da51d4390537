"""Fixtures for all tests; standing here also puts `tiny` and the other helpers on the path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny


@pytest.fixture
def make_tiny(tmp_path: Path) -> Callable[..., Path]:
    """Write a tiny checkpoint by name (see `tiny.write_tiny`) into a folder of its own."""

    def make(name: str, **options: object) -> Path:
        return tiny.write_tiny(name, tmp_path / f"tiny-{name}", **options)

    return make
