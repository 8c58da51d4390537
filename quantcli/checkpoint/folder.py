"""The gate of a model's folder: only its own regular files are read.

It is passed once, before anything in the folder is opened. A link out of the folder is followed
only as the Hub's cache uses it: from a snapshot (`models--ORG--NAME/snapshots/HASH`) to a file in
the same cache's `blobs`. Any other may be a stranger's way to have a file read that the user did
not name, and needs the user's word.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from quantcli.errors import CheckpointError, listed

_CARD = "README.md"
# What may be read of a folder, by name: its own files, and those of modules and templates below.
_READ = (
    *("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "*.tiktoken", _CARD),
    *("*.model.v*", "*.jsonl"),
    *("*/*.json", "*/*.safetensors", "*/*.jinja"),
)
_SPECIAL = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def refuse_strays(root: Path, *, follow_links: bool) -> None:
    """Refuse what lies in the model's folder under a name that is read, and is not its own file.

    Args:
        root: the folder.
        follow_links: whether links may lead out of it.

    Raises:
        CheckpointError: FIFOs, sockets and devices; links out of the folder. All are listed.
    """
    homes = _homes(root)
    special, strays = [], []
    for path in sorted({path for pattern in _READ for path in root.glob(pattern)}):
        name = path.relative_to(root)
        real = os.path.realpath(path)
        try:
            mode = path.stat().st_mode
        except OSError:
            continue  # a link that leads nowhere is as good as no file
        if not any(os.path.commonpath((real, home)) == home for home in homes):
            strays.append(f"{name} → {real}")
        if path.name != _CARD:  # a card never decides: it is left aside, with a note
            special += [f"{name}: {what}" for test, what in _SPECIAL if test(mode)]
    if special:
        raise CheckpointError(
            listed("these are no regular files and are not read:", special),
            where=str(root),
            hint="Put the model's files in their place, or remove them.",
        )
    if strays and not follow_links:
        raise CheckpointError(
            listed("links out of the model's folder:", strays),
            where=str(root),
            hint="Use --follow-links when they are meant to be followed.",
        )


def _homes(root: Path) -> tuple[str, ...]:
    """Return the folders in which a file of this one may really lie."""
    home = Path(os.path.realpath(root))
    repository = home.parent.parent
    if home.parent.name == "snapshots" and repository.name.startswith("models--"):
        return (str(home), str(repository / "blobs"))
    return (str(home),)
