"""The JSON form that results share: one object, one line, with the version of its form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

FORMAT = 1
"""Version of the results' JSON forms (docs/json.md); a plan has one of its own."""


def to_json(result: Any, more: Mapping[str, object] | None = None) -> str:
    """Return the fields of a result, a dataclass, and `more` as one JSON object with "format"."""
    return json.dumps({**asdict(result), **(more or {}), "format": FORMAT}, sort_keys=True)
