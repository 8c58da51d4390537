"""Git LFS pointers: the few lines that lie in a file's place until `git lfs pull` fetches it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from quantcli.errors import CheckpointError, InputError, listed
from quantcli.inputs import read_input

_MAGIC = b"version https://git-lfs.github.com/spec/v"
# By the specification a pointer is shorter than this.
_LONGEST = 1024


def is_pointer(path: Path) -> bool:
    """Return whether the file at `path` is a Git LFS pointer; False when there is none."""
    try:
        if not path.is_file() or path.stat().st_size >= _LONGEST:
            return False
        return read_input(path, limit=_LONGEST).startswith(_MAGIC)
    except (OSError, InputError):
        return False


def refuse_pointers(root: Path, files: Iterable[str]) -> None:
    """Raise CheckpointError, naming all of them, when any of `files` is a Git LFS pointer."""
    pointers = [file for file in files if is_pointer(root / file)]
    if pointers:
        raise CheckpointError(
            listed("Git LFS pointers lie here in place of these files:", pointers),
            where=str(root),
            hint="Fetch them: run `git lfs install` and `git lfs pull` in that folder.",
        )
