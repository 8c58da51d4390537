"""Checking pieces in several processes.

Processes and not threads: numpy holds the interpreter's lock between the short kernels of the
decoders, and two threads decode no faster than one. Workers are started as `python -m
quantcli.evaluate.pool`, so that they never import the caller's main module again.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, cast

from quantcli.container.reader import GgufFile
from quantcli.errors import QuantcliError
from quantcli.evaluate.comparison import Checker, Finding, Job, Piece

# Pieces handed out ahead of the one that is waited for, per worker.
_AHEAD = 4


def check_all(
    job: Job, file: GgufFile, pieces: Iterable[Piece], jobs: int
) -> Iterator[tuple[Piece, Finding]]:
    """Check `pieces` with `jobs` processes (1: in this one); yield the findings in their order.

    Args:
        job: what is checked.
        file: the job's file, open already.
        pieces: rows to check.
        jobs: number of processes.

    Raises:
        QuantcliError: a worker process died.
    """
    if jobs == 1:
        checker = Checker(job, file)
        for piece in pieces:
            yield piece, checker.check(piece)
        return
    with contextlib.ExitStack() as stack:
        workers: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for _ in range(jobs):
            worker = _Worker(job)
            stack.callback(worker.close)
            workers.put(worker)
        # One thread a worker does nothing but wait for its answers.
        threads = stack.enter_context(ThreadPoolExecutor(jobs))
        stack.callback(threads.shutdown, cancel_futures=True)
        waiting: deque[tuple[Piece, Future[Finding]]] = deque()
        for piece in pieces:
            waiting.append((piece, threads.submit(_check, workers, piece)))
            if len(waiting) >= _AHEAD * jobs:
                done, finding = waiting.popleft()
                yield done, finding.result()
        while waiting:
            done, finding = waiting.popleft()
            yield done, finding.result()


def _check(workers: queue.SimpleQueue[_Worker], piece: Piece) -> Finding:
    """Let a worker that is free check `piece`."""
    worker = workers.get()
    try:
        return worker.check(piece)
    finally:
        workers.put(worker)


class _Worker:
    """One process that checks pieces of one job, one at a time."""

    def __init__(self, job: Job) -> None:
        home = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "quantcli.evaluate.pool"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            # An interruption is the parent's business; workers end when it closes their pipes.
            start_new_session=True,
        )
        self._send(job)

    def check(self, piece: Piece) -> Finding:
        self._send(piece)
        try:
            answer = pickle.load(_stream(self._process.stdout))  # noqa: S301 - from our own process
        except EOFError:
            status = self._process.wait()
            raise QuantcliError(
                f"a worker process ended with status {status} before its work was done",
                hint="Did the file or the checkpoint change, or the memory run out?",
            ) from None
        return cast("Finding", answer)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            _stream(self._process.stdin).close()
        self._process.wait()
        _stream(self._process.stdout).close()

    def _send(self, message: Job | Piece) -> None:
        # A worker that died is noticed when its answer is missing.
        with contextlib.suppress(OSError):
            stream = _stream(self._process.stdin)
            pickle.dump(message, stream)
            stream.flush()


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise AssertionError("workers are started with pipes")
    return stream


def _serve() -> None:
    """Answer pieces on standard input with findings on standard output until the parent is gone."""
    requests = sys.stdin.buffer
    with (
        contextlib.suppress(EOFError, BrokenPipeError),
        # Unbuffered, so that nothing is left to be written when the parent was killed.
        open(sys.stdout.fileno(), "wb", buffering=0, closefd=False) as answers,
    ):
        checker = Checker(pickle.load(requests))  # noqa: S301 - from our own process
        while True:
            finding = checker.check(pickle.load(requests))  # noqa: S301 - from the parent process
            answers.write(pickle.dumps(finding))


if __name__ == "__main__":
    _serve()
