"""Small JSON files beside a checkpoint, with errors that name the file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from quantcli.errors import ConfigError
from quantcli.inputs import SETTINGS_LIMIT, parse_json, read_input

_AGAIN = "The file is damaged: download or save it again."


def read_json(root: Path, file: str, *, limit: int = SETTINGS_LIMIT) -> Any:
    """Return the JSON value in `root / file`.

    Args:
        root: the model's folder.
        file: path relative to it.
        limit: most bytes that the file may have.

    Raises:
        ConfigError: the file is missing, no regular file, too long, not readable, not UTF-8 or not
            JSON.
    """
    path = root / file
    if not os.path.lexists(path):
        raise ConfigError(
            "no such file", where=str(path), hint="Give the folder of a Hugging Face model."
        )
    data = read_input(path, limit=limit, error=ConfigError)
    return parse_json(data, str(path), error=ConfigError, hint=_AGAIN)


def read_object(root: Path, file: str) -> dict[str, Any]:
    """Return the JSON object in `root / file`.

    Raises:
        ConfigError: as `read_json`, or the value is not an object.
    """
    value = read_json(root, file)
    if not isinstance(value, dict):
        raise ConfigError("not a JSON object", where=str(root / file))
    return value
