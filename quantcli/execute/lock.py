"""The lock that lets one process at a time write an output.

It is a file of its own, OUTPUT.lock, because the partial file is replaced now and then: a lock on a
file that has lost its name keeps nobody out. Only the process that steers a conversion takes it.
Workers that outlive it write the same bytes into the same file, or into one without a name.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from quantcli.errors import OutputError
from quantcli.execute.files import create, open_existing, same_file, write_at

Tell = Callable[[str], None]

_UNSUPPORTED = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
# Seconds between two attempts.
_INTERVAL = 0.05


@contextmanager
def held(output: Path, tell: Tell) -> Iterator[None]:
    """Hold the lock of `output` in the block, waiting for whoever has it.

    Args:
        output: the file to be written.
        tell: called with a sentence when there is something to wait for.

    Raises:
        OutputError: the lock's file cannot be written, or the file system has no locks and there
            is such a file already.
    """
    path = output.with_name(output.name + ".lock")
    waiting = False
    while (descriptor := _attempt(path)) is None:
        if not waiting:
            tell(f"waiting for {_holder(path)}, which writes {output}")
            waiting = True
        time.sleep(_INTERVAL)
    try:
        yield
    finally:
        # In this order: whoever opened the file in the meantime sees that its name is gone.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _attempt(path: Path) -> int | None:
    """Return a descriptor that holds the lock, or None when another process holds it."""
    descriptor, new = _opened(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _UNSUPPORTED and new:
            pass  # that it was made by us and nobody else is a lock as well
        elif error.errno in _UNSUPPORTED:
            holder = _holder(path)
            os.close(descriptor)
            raise OutputError(
                f"this file system has no locks, and {holder} has left this file",
                where=str(path),
                hint="If that process does not run any more, remove the file.",
            ) from error
        else:
            os.close(descriptor)
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES, errno.EINTR}:
                return None
            raise
    if not same_file(descriptor, path):
        os.close(descriptor)  # its last holder has removed it
        return None
    with suppress(OSError):  # who holds it is only told
        os.ftruncate(descriptor, 0)
        write_at(descriptor, 0, f"process {os.getpid()} on {os.uname().nodename}".encode())
    return descriptor


def _opened(path: Path) -> tuple[int, bool]:
    """Return a descriptor of the lock's file, and whether this call has made it."""
    while True:
        if (descriptor := open_existing(path)) is not None:
            return descriptor, False
        try:
            return create(path), True
        except OutputError as error:
            if not isinstance(error.__cause__, FileExistsError):
                raise


def _holder(path: Path) -> str:
    """Return who says to hold the lock."""
    try:
        text = path.read_bytes()[:200].decode("ascii", "replace")
    except OSError:
        text = ""
    return text if text.isprintable() and text else "another process"
