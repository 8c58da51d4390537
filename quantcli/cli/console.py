"""What people see: results on stdout, progress and errors on stderr, colour on terminals only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from quantcli.errors import QuantcliError

if TYPE_CHECKING:
    from rich.console import Console

# Seconds between progress lines when stderr is not a terminal.
_PLAIN_INTERVAL = 5.0
_UNITS = ("B", "kB", "MB", "GB", "TB")


def out() -> Console:
    """Return the console for results; without a terminal plain text that is never wrapped."""
    return _console(stderr=False)


def err() -> Console:
    """Return the console for progress, notes and errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = 10_000
    return console


def fail(error: QuantcliError) -> None:
    """Print what went wrong, where, and what to do."""
    from rich.text import Text

    text = Text("error: ", style="bold red")
    if error.where:
        text.append(f"{error.where}: ", style="bold")
    text.append(error.message, style="default")
    if error.hint:
        text.append(f"\n{error.hint}", style="yellow")
    err().print(text, soft_wrap=True)


def size(nbytes: float) -> str:
    """Return a byte count as people write it, in decimal units ("105.5 MB")."""
    for unit in _UNITS:
        if nbytes < 1000 or unit == _UNITS[-1]:
            return f"{nbytes:.0f} {unit}" if unit == "B" else f"{nbytes:.1f} {unit}"
        nbytes /= 1000
    raise AssertionError


def count(number: float) -> str:
    """Return a number of weights as people write it ("134.5 M")."""
    for scale, unit in ((1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k")):
        if number >= scale:
            return f"{number / scale:.1f}{unit}"
    return f"{number:.0f}"


@contextmanager
def progress(
    title: str, *, quiet: bool, unit: str = "weights"
) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to be called with (done, total); shows a bar, plain lines, or nothing.

    Args:
        title: what is going on.
        quiet: show nothing.
        unit: "weights" or "bytes", for the rate.
    """
    if quiet:
        yield lambda _done, _total: None
    elif sys.stderr.isatty():
        with _bar(title, unit) as update:
            yield update
    else:
        yield _Lines(title, unit)


@contextmanager
def _bar(title: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err(), transient=True) as bar:
        task = bar.add_task(title, total=None, rate="")
        rate = _Rate(unit)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, rate=rate(done))

        yield update


class _Rate:
    """Speed since the first call, which counts what an earlier run had done."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._first: tuple[int, float] | None = None

    def __call__(self, done: int) -> str:
        now = time.monotonic()
        if self._first is None:
            self._first = (done, now)
            return ""
        start, since = self._first
        speed = (done - start) / max(now - since, 1e-9)
        return f"{size(speed)}/s" if self._unit == "bytes" else f"{count(speed)} {self._unit}/s"


class _Lines:
    """Progress in a pipe or a log: a plain line every few seconds and at the end."""

    def __init__(self, title: str, unit: str) -> None:
        self._title, self._rate = title, _Rate(unit)
        self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        rate = self._rate(done)
        now = time.monotonic()
        if done < total and now - self._last < _PLAIN_INTERVAL:
            return
        self._last = now
        share = 100 * done / max(1, total)
        sys.stderr.write(f"{self._title}: {share:.0f} % {rate}".rstrip() + "\n")
        sys.stderr.flush()
