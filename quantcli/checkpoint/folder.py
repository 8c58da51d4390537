"""A model's folder, and which of the files that it seems to hold are really its own.

A link out of the folder is followed only as the Hub's cache uses it: from a snapshot
(`models--ORG--NAME/snapshots/HASH`) to a file in the same cache's `blobs`. Anything else may be a
stranger's way to have a file read that the user did not name, and needs the user's word.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from quantcli.checkpoint.paths import is_inside
from quantcli.errors import CheckpointError


@dataclass(frozen=True)
class Folder:
    """A folder whose files are opened by their names.

    Attributes:
        root: the folder.
        follow_links: follow links that lead out of it.
    """

    root: Path
    follow_links: bool = False

    def path(self, name: str) -> Path:
        """Return the path of the file `name`, there or not.

        Raises:
            CheckpointError: the name leaves the folder, or is a link that does.
        """
        if not is_inside(name):
            raise CheckpointError(f"the path {name!r} leaves the model's folder", where=self._where)
        path = self.root / name
        if not self.follow_links and not self._is_own(path):
            raise CheckpointError(
                f"is a link out of the model's folder, to {os.path.realpath(path)}",
                where=str(path),
                hint="Use --follow-links when that is meant.",
            )
        return path

    def has(self, name: str) -> bool:
        """Tell whether the folder has something called `name`, be it a file or not."""
        return is_inside(name) and os.path.lexists(self.root / name)

    @property
    def _where(self) -> str:
        return str(self.root)

    @cached_property
    def _homes(self) -> tuple[str, ...]:
        """Folders in which a file of this one may really lie."""
        home = os.path.realpath(self.root)
        parent, snapshots = os.path.split(os.path.dirname(home))  # noqa: PTH120 - of real paths
        if snapshots == "snapshots" and os.path.basename(parent).startswith("models--"):  # noqa: PTH119 - as above
            return (home, os.path.join(parent, "blobs"))  # noqa: PTH118 - as above
        return (home,)

    def _is_own(self, path: Path) -> bool:
        real = os.path.realpath(path)
        return any(os.path.commonpath((real, home)) == home for home in self._homes)
