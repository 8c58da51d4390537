"""Where the command begins, as `quantcli` and as `python -m quantcli`.

Imports take a good part of a second, in which a signal would end in a traceback, so this module
looks after signals and streams before it imports anything large.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

_STOPPED = 130
# New objects after which the interpreter looks for garbage: what that may hold is a few megabytes.
_COLLECTED = 50_000
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> NoReturn:
    """Run the command line; exit with 130 on SIGINT, SIGTERM and SIGHUP, without a traceback."""
    stopped = False

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        # The first signal ends what is going on, which then cleans up undisturbed.
        nonlocal stopped
        stopped = True
        _handle_signals(signal.SIG_IGN)
        raise KeyboardInterrupt

    _handle_signals(_leave)
    _open_standard_streams()
    _prepare_interpreter()
    try:
        from quantcli import cli

        _handle_signals(stop)
        cli.main()
    except KeyboardInterrupt:
        sys.exit(_STOPPED)
    except MemoryError:
        # What was being made is garbage by now, and its memory free.
        os.write(2, b"error: there is not enough memory\n")
        sys.exit(1)
    except SystemExit:
        # typer has its own idea of an interruption's status.
        if stopped:
            sys.exit(_STOPPED)
        raise
    finally:
        _handle_signals(signal.SIG_IGN)
        # The interpreter would look through all objects for garbage before it ends.
        gc.freeze()


def _prepare_interpreter() -> None:
    """Leave out what costs a short run a tenth of its time, and gives it nothing."""
    # numpy's library for matrices starts a thread a core, and nothing here multiplies matrices.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Imports and plans are many objects that all stay: to look for garbage in them every 700 finds
    # none.
    gc.set_threshold(_COLLECTED)


def _handle_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in _SIGNALS:
        # Who started us may have said that a signal is to be ignored (nohup).
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """End at once: nothing has begun."""
    os._exit(_STOPPED)


def _open_standard_streams() -> None:
    """Open 0, 1 and 2 where who started us has closed them.

    Otherwise the next file that is opened would be taken for one of them. What is meant for the
    error stream is lost, but to write a result fails, as it would have.
    """
    # The lowest number that is free is the one that is opened.
    while (opened := os.open(os.devnull, os.O_WRONLY)) <= 2:
        if opened != 2:
            os.close(opened)
            os.open(os.devnull, os.O_RDONLY)
    os.close(opened)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
