"""The file an output is written to before it has its name, and how it gets it."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from quantcli.errors import OutputError
from quantcli.execute.files import create, kind, open_existing, same_file, start_flushing

# Bytes that are to be brought to the storage together: much for a disk, little for whoever waits at
# the end.
_FLUSHED_AT_ONCE = 64 << 20


def path_of(output: Path) -> Path:
    """Return where the bytes of `output` lie until they are complete."""
    return output.with_name(output.name + ".partial")


def journal_of(output: Path) -> Path:
    """Return where the record of what is done lies."""
    return output.with_name(output.name + ".partial.journal")


def refuse_special(output: Path) -> None:
    """Refuse an output that is there and no regular file: it would not be replaced but lost.

    Raises:
        OutputError: as said.
    """
    try:
        found = kind(output.lstat())
    except OSError:
        return  # not there, which is as it should be, or not to be reached, which comes to light
    if found:
        raise OutputError(
            f"is {found}, not a file", where=str(output), hint="Use another --output."
        )


def refuse_sources(output: Path, model: Path) -> None:
    """Refuse an output that is one of the model's own files, under whatever name.

    Raises:
        OutputError: as said.
    """
    try:
        status = output.stat()
    except OSError:
        return  # there is no such output
    folder = model if model.is_dir() else model.parent
    # A model's files lie in its folder and, of sentence-transformers, in folders of that.
    for file in (*folder.glob("*"), *folder.glob("*/*")):
        with suppress(OSError):  # a link that leads nowhere
            if file.suffix != ".gguf" and os.path.samestat(file.stat(), status):
                raise OutputError(
                    f"is {file.relative_to(folder)} of the model itself",
                    where=str(output),
                    hint="Use another --output.",
                )


class Partial:
    """The partial file of one output, open; only whoever holds the output's lock has it.

    Args:
        output: the final path.
        size: bytes of the finished file.
        keep: whether what lies there may be gone on with. If not, a new file takes its place, so
            that workers of an earlier run that still write reach a file without a name.

    Raises:
        OutputError: it cannot be written, there is too little space, or what lies there is no file
            of ours.
    """

    def __init__(self, output: Path, size: int, *, keep: bool) -> None:
        self.output, self.path = output, path_of(output)
        self._written: list[tuple[int, int]] = []
        found = open_existing(self.path)
        if found is not None and not keep:
            os.close(found)
            self.path.unlink()
            found = None
        self.descriptor = create(self.path) if found is None else found
        try:
            self._check_space(size)
            os.ftruncate(self.descriptor, size)
        except BaseException:
            if found is None:
                self.path.unlink(missing_ok=True)
            self.close()
            raise

    @property
    def inode(self) -> int:
        """Number of the file, which another file of its name would not have."""
        return os.fstat(self.descriptor).st_ino

    def note_written(self, start: int, end: int) -> None:
        """Take note that bytes [start, end) are written, and let the system flush them in time."""
        self._written.append((start, end))
        if sum(end - start for start, end in self._written) >= _FLUSHED_AT_ONCE:
            first = min(start for start, _ in self._written)
            start_flushing(self.descriptor, first, max(end for _, end in self._written) - first)
            self._written.clear()

    def publish(self) -> None:
        """Flush the finished file to the storage and give it its name, durably.

        A file that it takes the place of passes on its permissions, and its owner where it can.

        Raises:
            OutputError: another file has taken the partial file's name, or something that is no
                file the output's.
            OSError: as the system says.
        """
        os.fsync(self.descriptor)
        if not same_file(self.descriptor, self.path):
            raise OutputError(
                "was replaced by another file while it was written", where=str(self.path)
            )
        refuse_special(self.output)
        with suppress(OSError):
            before = self.output.stat()
            with suppress(OSError):
                os.fchown(self.descriptor, before.st_uid, before.st_gid)
            os.fchmod(self.descriptor, stat.S_IMODE(before.st_mode))
        self.path.replace(self.output)
        # Not every file system lets folders be flushed.
        with suppress(OSError):
            folder = os.open(self.output.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def discard(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the descriptor; the file stays."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _check_space(self, size: int) -> None:
        """Refuse to start what cannot be finished."""
        have = os.fstat(self.descriptor).st_blocks * 512
        free = shutil.disk_usage(self.path.parent).free
        if free + have < size:
            raise OutputError(
                f"{size:,} bytes are needed and {free + have:,} are free",
                where=str(self.path.parent),
                hint="Free some space or use another --output.",
            )
