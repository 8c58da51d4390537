"""Small JSON files beside a checkpoint, with errors that name the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from quantcli.errors import ConfigError

_AGAIN = "The file is damaged: download or save it again."


def read_json(root: Path, file: str) -> Any:
    """Return the JSON value in `root / file`.

    Raises:
        ConfigError: the file is missing, not readable, not UTF-8 or not JSON.
    """
    try:
        text = (root / file).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            "no such file", where=str(root / file), hint="Give the folder of a Hugging Face model."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(
            f"cannot be read: {reason}", where=str(root / file), hint=_AGAIN
        ) from error
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not JSON: {error}", where=str(root / file), hint=_AGAIN) from error


def read_object(root: Path, file: str) -> dict[str, Any]:
    """Return the JSON object in `root / file`.

    Raises:
        ConfigError: as `read_json`, or the value is not an object.
    """
    value = read_json(root, file)
    if not isinstance(value, dict):
        raise ConfigError("not a JSON object", where=str(root / file))
    return value
