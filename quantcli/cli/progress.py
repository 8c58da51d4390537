"""How far a run has come: a bar on terminals, plain lines in pipes and logs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from quantcli.cli import console

# Seconds between lines when stderr is not a terminal.
_PLAIN_INTERVAL = 5.0
# A terminal narrower than this has no room for speed and time left beside the bar.
_ROOMY = 70


@contextmanager
def progress(
    title: str, *, quiet: bool, json: bool = False, unit: str = "weights"
) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to be called with (done, total); shows a bar, plain lines, or nothing.

    The bar appears with the first call, so that notes printed before stand above it.

    Args:
        title: what is going on.
        quiet: show nothing.
        json: the result is read by a program, and so may be stderr: no plain lines.
        unit: "weights" or "bytes", for the rate.
    """
    on_terminal = console.is_terminal(stderr=True)
    if quiet or (json and not on_terminal):
        yield lambda _done, _total: None
    elif on_terminal:
        with ExitStack() as stack:
            yield _Bar(title, unit, stack)
    else:
        yield _Lines(title, unit)


class _Bar:
    """A bar that is drawn from the first call on and removed at the end."""

    def __init__(self, title: str, unit: str, stack: ExitStack) -> None:
        self._title, self._rate, self._stack = title, _Rate(unit), stack
        self._update: Callable[[int, int], None] | None = None

    def __call__(self, done: int, total: int) -> None:
        if self._update is None:
            self._update = self._start()
        self._update(done, total)

    def _start(self) -> Callable[[int, int], None]:
        from rich import progress as rich

        terminal = console.err()
        columns: list[rich.ProgressColumn] = [
            rich.TextColumn("{task.description}"),
            rich.BarColumn(None if terminal.width < _ROOMY else 40),
            rich.TaskProgressColumn(),
        ]
        if terminal.width >= _ROOMY:
            columns += [rich.TextColumn("{task.fields[rate]}"), rich.TimeRemainingColumn()]
        bar = rich.Progress(*columns, console=terminal, transient=True)
        self._stack.enter_context(bar)
        task = bar.add_task(self._title, total=None, rate="")

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, rate=self._rate(done))

        return update


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
        if self._unit == "bytes":
            return f"{console.size(speed)}/s"
        return f"{console.count(speed)} {self._unit}/s"


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
        with console.spoken():
            sys.stderr.write(f"{self._title}: {share:.0f} % {rate}".rstrip() + "\n")
