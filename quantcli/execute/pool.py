"""Worker processes and the loop that keeps them busy."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO, cast

from quantcli.errors import QuantcliError
from quantcli.execute.chunks import split
from quantcli.execute.encoder import Done, Encoder
from quantcli.execute.report import from_os_error, revive
from quantcli.planning.plan import Plan

# Chunks a worker has at hand: one to work on, one so that it never waits for the next.
_AHEAD = 2
# Seconds that an interrupted run waits for the chunks under way.
_GRACE = 10.0


Report = Callable[[int, Done], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What every worker needs to know.

    Attributes:
        plan: the plan.
        root: the checkpoint's folder.
        output: the partial file, at its full size.
        allow_nonfinite: whether NaN and infinity are let through.
        chunk_weights: size of the chunks that numbers refer to.
    """

    plan: Plan
    root: Path
    output: Path
    allow_nonfinite: bool
    chunk_weights: int


def run(job: Job, numbers: Sequence[int], jobs: int, report: Report) -> None:
    """Encode the chunks `numbers` with `jobs` processes (1: in this one).

    `report` is called in this thread with the number and outcome of every chunk once it is written;
    also for those that finish while the run is being stopped by an exception.

    Raises:
        QuantcliError: what the first failing chunk raised, or a worker died.
        KeyboardInterrupt: the user stopped it.
    """
    if jobs == 1:
        _run_here(job, numbers, report)
    elif numbers:
        _Pool(job, min(jobs, len(numbers)), report).run(numbers)


def _run_here(job: Job, numbers: Sequence[int], report: Report) -> None:
    encoder = Encoder(job.plan, job.root, job.output, allow_nonfinite=job.allow_nonfinite)
    chunks = split(job.plan, job.chunk_weights)
    try:
        for number in numbers:
            report(number, encoder.run(chunks[number]))
    except OSError as error:
        raise from_os_error(error) from error
    finally:
        encoder.close()


class _Pool:
    """Workers fed over pipes; one thread a worker carries its answers to a queue."""

    def __init__(self, job: Job, size: int, report: Report) -> None:
        self._report = report
        self._answers: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
        setup = {
            "root": str(job.root.resolve()),
            "output": str(job.output.resolve()),
            "allow_nonfinite": job.allow_nonfinite,
            "chunk_weights": job.chunk_weights,
        }
        # Workers do not write the header; without it the plan is small whatever the vocabulary.
        plan = replace(job.plan, header=b"").to_json()
        self._setup = f"{json.dumps(setup)}\n{plan}\n"
        self._busy = [0] * size
        self._workers = [subprocess.Popen(**_command()) for _ in range(size)]
        self._listeners = [
            threading.Thread(target=self._listen, args=(index, worker), daemon=True)
            for index, worker in enumerate(self._workers)
        ]
        for thread in self._listeners:
            thread.start()

    def run(self, numbers: Sequence[int]) -> None:
        """See `run` above."""
        waiting = iter(numbers)
        try:
            for index in range(len(self._workers)):
                self._tell(index, self._setup)
                for _ in range(_AHEAD):
                    self._give(index, waiting)
            while any(self._busy):
                index = self._take(*self._answers.get())
                self._give(index, waiting)
        finally:
            self._stop()

    def _take(self, index: int, record: dict[str, Any] | None) -> int:
        """Hand one answer on; return the worker it came from."""
        if record is None:
            code = self._workers[index].wait()
            raise QuantcliError(
                f"a worker process ended with status {code} before its work was done"
                + (" (killed; out of memory?)" if code == -signal.SIGKILL else ""),
                hint="Run the same command again: it goes on where it stopped. "
                "With little memory, use fewer --jobs.",
            )
        self._busy[index] -= 1
        if "failure" in record:
            raise revive(record["failure"])
        self._report(record["chunk"], Done(record["checksum"], record["nonfinite"]))
        return index

    def _give(self, index: int, waiting: Iterator[int]) -> None:
        number = next(waiting, None)
        if number is not None:
            self._busy[index] += 1
            self._tell(index, f"{number}\n")

    def _tell(self, index: int, text: str) -> None:
        # A worker that died is noticed by its listener, which knows more.
        with contextlib.suppress(OSError):
            stdin = _pipe(self._workers[index].stdin)
            stdin.write(text)
            stdin.flush()

    def _listen(self, index: int, worker: subprocess.Popen[str]) -> None:
        for line in _pipe(worker.stdout):
            self._answers.put((index, json.loads(line)))
        self._answers.put((index, None))

    def _stop(self) -> None:
        """End the workers; what they still finish is reported too."""
        for worker in self._workers:
            with contextlib.suppress(OSError):
                _pipe(worker.stdin).close()
        for worker, listener in zip(self._workers, self._listeners, strict=True):
            try:
                worker.wait(_GRACE)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
            listener.join()
            _pipe(worker.stdout).close()
        while not self._answers.empty():
            index, record = self._answers.get()
            # A second failure adds nothing to the one being raised.
            if record is not None and "failure" not in record:
                self._take(index, record)


def _pipe(stream: object) -> TextIO:
    """Return a worker's stream, which is there because `_command` asks for pipes."""
    return cast("TextIO", stream)


def _command() -> dict[str, Any]:
    """Return how a worker is started: one BLAS thread, this very package first on its path."""
    package_home = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (package_home, os.environ.get("PYTHONPATH"))))
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return {
        "args": [sys.executable, "-m", "quantcli.execute.worker"],
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "text": True,
        "encoding": "utf-8",
        "env": {**os.environ, **threads, "PYTHONPATH": path},
    }
