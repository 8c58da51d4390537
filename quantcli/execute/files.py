"""Opening the files that lie beside an output: ours alone, and never through a link.

The folder may be another user's too. Whoever can write there could put a link, or a file with a
second name, where a partial file is expected; writing to it would overwrite what it stands for.
"""

from __future__ import annotations

import fcntl
import functools
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

from quantcli.errors import OutputError

# A FIFO must not be waited for.
_SAFELY = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
# Linux caches a write in pieces of memory as large as the write is, up to megabytes. Pieces that
# large have to be found, and a virtual machine that lends its free memory out must get them back:
# that was measured to take several times as long as the copying itself.
_AT_ONCE = 32 << 10
_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode), "a device"),
)


def kind(status: os.stat_result) -> str | None:
    """Return what something is that is no regular file, None for a regular file."""
    if stat.S_ISREG(status.st_mode):
        return None
    return next((name for test, name in _KINDS if test(status.st_mode)), "no regular file")


def create(path: Path) -> int:
    """Create the file `path` and return its descriptor, open for reading and writing.

    Raises:
        OutputError: it cannot be created, or something has that name.
    """
    try:
        return _above_standard(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFELY, 0o666))
    except OSError as error:
        raise _refused(path, f"cannot be written: {error.strerror}") from error


def open_existing(path: Path) -> int | None:
    """Return a descriptor of `path`, open for reading and writing, or None where there is nothing.

    Raises:
        OutputError: it is no regular file, has a second name, belongs to another user, or cannot
            be opened.
    """
    try:
        found = kind(path.lstat())
        if found:
            raise _refused(path, f"is {found}, not a file that quantcli made")
        descriptor = _above_standard(os.open(path, os.O_RDWR | _SAFELY))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, f"cannot be written: {error.strerror}") from error
    status = os.fstat(descriptor)
    reason = kind(status)
    if reason is None and status.st_nlink > 1:
        reason = "a file with a second name"
    if reason is None and not _is_own(status, path.parent):
        reason = "a file of another user"
    if reason is not None:
        os.close(descriptor)
        raise _refused(path, f"is {reason}, so it is left alone")
    return descriptor


def same_file(descriptor: int, path: Path) -> bool:
    """Return whether `path` is (still) the name of an open file."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return os.path.samestat(status, os.fstat(descriptor))


def write_at(descriptor: int, offset: int, data: bytes | memoryview) -> None:
    """Write all of `data` at a byte offset, however little a single write takes.

    Raises:
        OSError: it cannot be written.
    """
    view = memoryview(data).cast("B")
    while view:
        count = os.pwrite(descriptor, view[:_AT_ONCE], offset)
        view, offset = view[count:], offset + count


def start_flushing(descriptor: int, offset: int, length: int) -> None:
    """Let the system begin to bring bytes of a file to the storage, and wait for nothing.

    It would begin with that late, so that whoever flushes the finished file waits for most of it.
    The calls that Python has either wait, or drop what they bring there from memory. This is a hint
    only: nothing fails, and errors of the storage are told by `os.fsync`.
    """
    call = _sync_file_range()
    if call is not None:
        call(descriptor, offset, length, _SYNC_FILE_RANGE_WRITE)


_SYNC_FILE_RANGE_WRITE = 2


@functools.cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    """Return the system call of that name, which Linux has."""
    import ctypes

    if sys.platform != "linux":
        return None
    try:
        call = ctypes.CDLL(None).sync_file_range
    except (OSError, AttributeError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return cast("Callable[[int, int, int, int], int]", call)


def forget_cached(descriptor: int) -> None:
    """Let the bytes of a file be read from its storage next time, not from memory.

    After a flush that failed, memory holds bytes that the storage does not have, and the next flush
    says that all is well. So what is believed of such a file must be read from its storage. Where
    the system cannot do that, nothing happens.
    """
    with suppress(OSError):
        # What cannot be flushed is not in the storage, and will be found out by whoever reads.
        os.fsync(descriptor)
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _above_standard(descriptor: int) -> int:
    """Return the file under a number that no library takes for a standard stream."""
    if descriptor > 2:
        return descriptor
    higher = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(descriptor)
    return higher


def _is_own(status: os.stat_result, folder: Path) -> bool:
    """Return whether a file in `folder` is this user's; network file systems may map users."""
    if status.st_uid == os.geteuid():
        return True
    import tempfile

    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_uid == status.st_uid


def _refused(path: Path, text: str) -> OutputError:
    return OutputError(text, where=str(path), hint="Move it away, or use another --output.")
