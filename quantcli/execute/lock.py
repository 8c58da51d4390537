"""Advisory locks that keep two conversions from writing one output (no-ops where fcntl is missing)."""

from __future__ import annotations

import time

try:
    import fcntl
except ImportError:  # Windows: an open file cannot be renamed over there, which is protection enough.
    fcntl = None  # type: ignore[assignment]  # the module is the flag


def share(descriptor: int) -> None:
    """Take a shared lock: a worker writes to this file. Blocks while it is held exclusively."""
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_SH)


def claim(descriptor: int, patience: float) -> bool:
    """Take an exclusive lock, waiting up to `patience` seconds; return whether it was had."""
    if fcntl is None:
        return True
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def release(descriptor: int) -> None:
    """Give a lock back."""
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
