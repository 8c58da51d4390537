"""Which paths a file from a stranger may name: those inside the model's folder."""

from __future__ import annotations

from pathlib import PurePosixPath

_LONGEST = 1024


def is_inside(path: object) -> bool:
    """Tell whether `path` is a relative path that cannot leave the folder it is relative to.

    Backslashes and colons are refused as well: elsewhere they separate folders and drives.
    """
    if not isinstance(path, str) or not 0 < len(path) <= _LONGEST:
        return False
    if any(letter in path for letter in "\\:\0"):
        return False
    parts = PurePosixPath(path)
    return not parts.is_absolute() and ".." not in parts.parts
