"""What work is done with: this process, worker processes on this machine, or a cluster."""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from quantcli.errors import QuantcliError
from quantcli.workers.call import Answer, Call, described, fingerprint, perform, result

T = TypeVar("T")
Tell = Callable[[str], None]

# Calls in flight for each worker: one at work, the others so that it never waits for the next.
_AHEAD = 3
# Seconds that an interrupted run waits for the calls under way.
_GRACE = 10.0


@dataclass(frozen=True, slots=True)
class Engine:
    """Somewhere to do work.

    Attributes:
        executor: takes functions.
        workers: returns how many it does at once, which on a cluster changes with time.
        local: whether workers are on this machine and see its files as this process does.
        notes: what went wrong and was made good, in sentences; grows while work is done.
        kill: ends the workers at once.
    """

    executor: Executor
    workers: Callable[[], int]
    local: bool
    notes: list[str] = field(default_factory=list)
    kill: Callable[[], None] = lambda: None


class _Here(Executor):
    """Calls functions at once, in this thread."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Return the future of `fn(*args)`, which is done."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the future hands it on
            future.set_exception(error)
        return future


class _Threads(ThreadPoolExecutor):
    """Calls functions in threads of this process."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Return the future of `fn(*args)`.

        Raises:
            QuantcliError: no thread can be started.
        """
        try:
            return super().submit(fn, *args, **kwargs)
        except RuntimeError as error:
            text = f"threads cannot be started: {error}"
            raise QuantcliError(text, hint="Use fewer --jobs.") from error


@contextmanager
def opened(where: str | None, *, jobs: int, calls: int, threads: bool = False) -> Iterator[Engine]:
    """Yield an engine; its workers end with the block.

    Args:
        where: None for this machine; "dask://HOST:PORT" or the path of a scheduler file for a Dask
            cluster.
        jobs: worker processes on this machine; 1 does the work in this process.
        calls: how many calls there will be at most; no more processes are started.
        threads: on this machine, threads of this process take the place of worker processes: for
            calls that wait for the system rather than compute, and end before processes have begun.

    Raises:
        UsageError: no such engine, or its library is not installed.
        QuantcliError: workers do not start, or have another version.
    """
    if where is not None:
        from quantcli.workers.cluster import connected

        with connected(where) as (cluster, workers):
            yield Engine(cluster, workers, local=False)
        return
    size = max(1, min(jobs, calls))
    if size == 1:
        yield Engine(_Here(), lambda: 1, local=True)
        return
    if threads:
        pool = _Threads(size)
        try:
            yield Engine(pool, lambda: size, local=True)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return
    from quantcli.workers.pipes import PipeExecutor

    notes: list[str] = []
    try:
        pipes = PipeExecutor(size, _library_folders(), notes.append)
    except (OSError, RuntimeError) as error:
        text = f"worker processes cannot be started: {error}"
        raise QuantcliError(text, hint="Use fewer --jobs.") from error
    try:
        yield Engine(pipes, lambda: size, local=True, notes=notes, kill=pipes.kill)
        pipes.shutdown()
    finally:
        pipes.kill()


def _library_folders() -> tuple[str, ...]:
    """Return where this process has numpy: an isolated interpreter may not find it by itself."""
    homes = (getattr(sys.modules.get(name), "__file__", None) for name in ("numpy",))
    return tuple(str(Path(home).resolve().parents[1]) for home in homes if home)


def drive(engine: Engine, calls: Iterable[Call], report: Callable[[int, Any], None]) -> None:
    """Carry out `calls`, a few in flight at a time.

    `report` is called in this thread with the number of a call (from 0) and what it returned, in
    the order in which they end; also for those that end while an exception stops the run.

    Raises:
        QuantcliError: what the first failing call raised, or its worker died.
        KeyboardInterrupt: the user stopped it; so does whatever `report` raises.
    """
    ended: queue.SimpleQueue[Future[Answer]] = queue.SimpleQueue()
    waiting = enumerate(calls)
    flying: dict[Future[Answer], int] = {}
    try:
        while True:
            workers = engine.workers()
            # A call in this thread is done when it was submitted.
            most = workers * _AHEAD if workers > 1 or not engine.local else 1
            while len(flying) < most and (entry := next(waiting, None)) is not None:
                number, call = entry
                future = engine.executor.submit(perform, fingerprint(), call.function, call.payload)
                flying[future] = number
                future.add_done_callback(ended.put)
            if not flying:
                return
            future = ended.get()
            report(flying.pop(future), _outcome(future))
    except BaseException:
        _land(engine, flying, report)
        raise


def _outcome(future: Future[Answer]) -> Any:
    try:
        return result(future.result())
    except (OSError, MemoryError) as error:
        raise described(error) from error


def _land(
    engine: Engine, flying: dict[Future[Answer], int], report: Callable[[int, Any], None]
) -> None:
    """Let what is under way end, and report it; what has not begun is cancelled."""
    deadline = time.monotonic() + _GRACE
    for future in flying:
        future.cancel()
    for future, number in flying.items():
        # A second failure adds nothing to the one being raised.
        with suppress(Exception):
            if not future.cancelled():
                report(number, result(future.result(max(0.0, deadline - time.monotonic()))))
    engine.kill()
