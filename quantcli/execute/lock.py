"""Advisory locks that keep two conversions from writing one output."""

from __future__ import annotations

import sys
import time

if sys.platform == "win32":

    def share(descriptor: int) -> None:
        """Do nothing: an open file cannot be replaced on Windows, which is protection enough."""

    def claim(descriptor: int, patience: float) -> bool:
        """Grant it, as above."""
        return True

else:
    import fcntl

    def share(descriptor: int) -> None:
        """Take a shared lock (also in exchange for an exclusive one): this process writes."""
        fcntl.flock(descriptor, fcntl.LOCK_SH)

    def claim(descriptor: int, patience: float) -> bool:
        """Take an exclusive lock, waiting up to `patience` seconds; return whether it was had."""
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
