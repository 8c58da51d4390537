"""Calls a function in a process of its own, which may abort, hang or be left in any state."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any


class FailedError(Exception):
    """The call raised, aborted or took too long; `detail` is all that it printed."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.detail = detail


def call(function: Callable[..., Any], *arguments: Any, log: Path, seconds: float) -> Any:
    """Return function(*arguments), computed in a fork of this process.

    Args:
        function: what is called; its result is pickled.
        arguments: of the function.
        log: file that takes what it prints, also from libraries.
        seconds: after which it is killed.

    Raises:
        FailedError: it raised, aborted or took too long.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # Python warns of forks beside threads; the child uses none of what they may hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(function, arguments, writing, log)
    os.close(writing)
    try:
        answer = _read(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
        if sys.exc_info()[0] is not None:
            os.kill(child, signal.SIGKILL)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    printed = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    if answer is None:
        raise FailedError(f"took more than {seconds:.0f} s", printed)
    if not answer:
        raise FailedError(_aborted(status, printed), printed)
    kind, value = pickle.loads(answer)  # noqa: S301 - this program's own child wrote it
    if kind == "error":
        raise FailedError(value, printed)
    return value


def _answer(function: Callable[..., Any], arguments: Any, writing: int, log: Path) -> None:
    """Compute and write the answer, in the child; never returns."""
    try:
        sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        try:
            answer = ("value", function(*arguments))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent is told
            traceback.print_exc()
            first = (str(error).strip().splitlines() or [""])[0]
            answer = ("error", f"{type(error).__name__}: {first}"[:600])
        sys.stdout.flush()
        sys.stderr.flush()
        data = pickle.dumps(answer)
        while data:
            data = data[os.write(writing, data) :]
    finally:
        os._exit(0)


def _read(descriptor: int, until: float) -> bytes | None:
    """Return all that is written to the pipe, None when time runs out."""
    parts = []
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([descriptor], [], [], left)
        if ready:
            part = os.read(descriptor, 1 << 20)
            if not part:
                return b"".join(parts)
            parts.append(part)
    return None


def _aborted(status: int, printed: str) -> str:
    """Return what a process that gave no answer died of."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    telling = [line for line in lines if "GGML_ASSERT" in line or "error" in line.lower()]
    said = (telling or lines or ["nothing printed"])[-1]
    return f"died of signal {os.WTERMSIG(status)}: {said}"[:600]
