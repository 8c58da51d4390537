"""What a model is called, by where it lies."""

from __future__ import annotations

import os
from pathlib import Path

_SNAPSHOTS = "snapshots"
_REPOSITORY = "models--"


def model_name(path: Path) -> str:
    """Return the name of the model in the folder `path`, or beside the .safetensors file `path`.

    That is the folder's own name; a symbolic link's name counts, since a link often says what the
    folder behind it is. A snapshot in the Hub's cache (`models--ORG--NAME/snapshots/HASH`) is
    called NAME.
    """
    # Path.resolve would follow the link.
    folder = Path(os.path.abspath(path))  # noqa: PTH100 - resolve follows links
    if folder.suffix == ".safetensors" and not folder.is_dir():
        folder = folder.parent
    repository = folder.parent.parent.name
    if folder.parent.name == _SNAPSHOTS and repository.startswith(_REPOSITORY):
        return _as_text(repository.rpartition("--")[2])
    return _as_text(folder.name)


def _as_text(name: str) -> str:
    """Return a file's name as UTF-8 has it, also in a locale whose encoding cannot read it."""
    return os.fsencode(name).decode("utf-8", "replace")
