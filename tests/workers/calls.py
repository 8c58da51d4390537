"""Functions that tests let worker processes call."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path


def add(a: int, b: int) -> int:
    return a + b


def pid() -> int:
    return os.getpid()


def path() -> list[str]:
    return list(sys.path)


def fail(text: str) -> None:
    raise ValueError(text)


def exhaust() -> None:
    raise MemoryError


def die_once(marker: str, number: int) -> str:
    """End by a signal, unless another process has done so before."""
    try:
        Path(marker).touch(exist_ok=False)
    except FileExistsError:
        return "done"
    os.kill(os.getpid(), number)
    time.sleep(60)
    return "not reached"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def chatter() -> str:
    """Print where a worker's answers go, were they not kept apart."""
    sys.stdout.write("noise\n")
    sys.stdout.flush()
    os.write(1, b"noise\n")
    return sys.stdin.read()
