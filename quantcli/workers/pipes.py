"""An executor of processes of our own, fed over pipes: how work is spread over one machine.

The standard library's and loky's process pools were measured and found worse at what is promised
here: see docs/adr/0013-one-engine.md.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from quantcli.errors import QuantcliError

T = TypeVar("T")

_LENGTH = 8
# Processes a call may take down with it before it is given up.
_LIVES = 3
# Seconds between two looks at a worker that does not answer, and how many such looks in a row must
# find it stopped (by SIGSTOP) before it is replaced.
_LOOK = 1.0
_STOPPED_LOOKS = 5

# Signals that reach the whole process group; what they mean is the parent's decision.
_GROUP_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}

_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # A worker needs the same few buffers again and again. The C library would give them back to the
    # system after every call, and each page be filled with zeros anew: a fault for 4 kB.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}


@dataclass(slots=True)
class _Item:
    """A call that waits for its answer."""

    future: Future[Any]
    message: bytes
    lives: int = _LIVES


class PipeExecutor(Executor):
    """Runs functions in `size` processes, which start at once.

    A worker that dies is not replaced unless it was the last one; what it was at runs again
    elsewhere, and is given up with the third worker that dies of it.

    Args:
        size: number of processes.
        folders: folders of libraries that workers may need, looked into last.
        lost: called from a thread with a sentence for every worker that is lost.

    Raises:
        OSError: not even one process can be started.
    """

    def __init__(
        self, size: int, folders: tuple[str, ...] = (), lost: Callable[[str], None] | None = None
    ) -> None:
        self._lost = lost or (lambda _text: None)
        self._folders = folders
        self._changed = threading.Condition()
        self._waiting: deque[_Item] = deque()
        self._closed = self._killed = False
        self._workers: list[_Worker] = []
        self._threads: list[threading.Thread] = []
        try:
            for _ in range(size):
                self._start()
        except OSError as error:
            if not self._workers:
                raise
            self._lost(f"only {len(self._workers)} of {size} worker processes start: {error}")
        except BaseException:
            self.kill()
            raise

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Return the future of `fn(*args)`; both must be picklable, `fn` by its name.

        Raises:
            RuntimeError: the executor was shut down.
            TypeError: keyword arguments.
        """
        if kwargs:
            raise TypeError("only positional arguments are passed on")
        item = _Item(Future(), pickle.dumps((fn, args)))
        with self._changed:
            if self._closed:
                raise RuntimeError("the executor was shut down")
            self._waiting.append(item)
            self._changed.notify()
        return item.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as the base class has it
        """End the workers once they have done what was submitted."""
        with self._changed:
            self._closed = True
            if cancel_futures:
                for item in self._waiting:
                    item.future.cancel()
                self._waiting.clear()
            self._changed.notify_all()
        # One that ends may have started another, which then follows it in the list.
        for thread in self._threads if wait else ():
            thread.join()

    def kill(self) -> None:
        """End the workers at once; their calls fail."""
        self._killed = True
        self.shutdown(wait=False, cancel_futures=True)
        for worker in list(self._workers):
            worker.kill()
        self.shutdown()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process numbers of the workers that are there."""
        return tuple(worker.pid for worker in self._workers)

    def _start(self) -> None:
        worker = _Worker(self._folders)
        thread = threading.Thread(target=self._serve, args=(worker,), daemon=True)
        with self._changed:
            try:
                thread.start()
            except RuntimeError:
                worker.kill()
                worker.close()
                raise
            self._workers.append(worker)
            self._threads.append(thread)

    def _next(self, worker: _Worker) -> _Item | None:
        """Return what a worker is to do next; None, and it is no more, once there is nothing."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if self._waiting:
                return self._waiting.popleft()
            # At once, so that nobody leaves anything to a worker that is about to end.
            self._workers.remove(worker)
            return None

    def _serve(self, worker: _Worker) -> None:
        """Carry calls to a worker and its answers back, until it or the work ends."""
        while (item := self._next(worker)) is not None:
            if item.lives == _LIVES and not item.future.set_running_or_notify_cancel():
                continue
            answer = worker.ask(item.message)
            if answer is None:
                self._bury(worker, item)
                return
            good, value = answer
            if good:
                item.future.set_result(value)
            else:
                item.future.set_exception(QuantcliError(f"a worker process failed: {value}"))
        worker.close()

    def _bury(self, worker: _Worker, item: _Item) -> None:
        """Give the call of a worker that died to another one."""
        ending = worker.close()
        item.lives -= 1
        again = item.lives > 0 and not self._killed
        with self._changed:
            self._workers.remove(worker)
            if again:
                self._waiting.appendleft(item)
                self._changed.notify()
            others = len(self._workers)
            needed = not others and (self._waiting or not self._closed) and not self._killed
        if again:
            self._lost(f"a worker process {ending}; the work goes on with {max(1, others)}")
        else:
            item.future.set_exception(_given_up(ending))
        if needed:
            try:
                self._start()
            except (OSError, RuntimeError) as error:
                self._fail_all(f"a worker process {ending}, and no other starts: {error}")

    def _fail_all(self, text: str) -> None:
        with self._changed:
            self._closed = True
            items, self._waiting = self._waiting, deque()
        for item in items:
            if not item.future.cancelled():
                item.future.set_exception(QuantcliError(text))


def _given_up(ending: str) -> QuantcliError:
    return QuantcliError(
        f"a worker process {ending} before its work was done, and so did two others",
        hint="Run the same command again: it goes on where it stopped. "
        "With little memory, use fewer --jobs.",
    )


class _Worker:
    """One process and its two pipes; used by one thread."""

    def __init__(self, folders: tuple[str, ...]) -> None:
        with _signals_masked():
            self._process = subprocess.Popen(**_command(folders))
        self.pid = self._process.pid
        self._requests = cast("Any", self._process.stdin).fileno()
        self._answers = cast("Any", self._process.stdout).fileno()
        self._stopped = 0

    def ask(self, message: bytes) -> tuple[bool, Any] | None:
        """Return the answer to `message`, or None when the process ends before it gave one."""
        view = memoryview(len(message).to_bytes(_LENGTH, "little") + message)
        try:
            while view:
                view = view[os.write(self._requests, view) :]
        except OSError:
            return None
        head = self._read(_LENGTH)
        count = int.from_bytes(head, "little")
        answer = self._read(count)
        if len(head) < _LENGTH or len(answer) < count:
            return None
        good, value = pickle.loads(answer)  # noqa: S301 - from a process that we started
        return bool(good), value

    def _read(self, count: int) -> bytes:
        parts = []
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        while count:
            if not poll.poll(1000 * _LOOK):
                self._look()
                continue
            part = os.read(self._answers, count)
            if not part:
                break
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _look(self) -> None:
        """Kill a worker that somebody has stopped, and that stays so while we are running."""
        self._stopped = self._stopped + 1 if _is_stopped(self.pid) else 0
        if self._stopped >= _STOPPED_LOOKS:
            self.kill()

    def kill(self) -> None:
        """End the process at once."""
        with suppress(OSError):
            self._process.kill()

    def close(self) -> str:
        """Close the pipes, on which the process ends, and return how it ended."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        status = self._process.wait()
        if self._stopped >= _STOPPED_LOOKS:
            return "was stopped and did not go on"
        if status == -signal.SIGKILL:
            return "was killed (out of memory?)"
        if status == -signal.SIGBUS:
            return "ended with SIGBUS (a file or the shared memory has shrunk)"
        return f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"


def _is_stopped(pid: int) -> bool:
    """Return whether a child of ours stands still; its state stays to be asked for again."""
    if not hasattr(os, "waitid"):
        return False
    try:
        return bool(os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT))
    except ChildProcessError:
        return False


@contextmanager
def _signals_masked() -> Iterator[None]:
    """Start processes undisturbed; they inherit the mask and leave these signals to the parent."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _GROUP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _command(folders: tuple[str, ...]) -> dict[str, Any]:
    """Return how a worker is started: isolated, and in an environment for its work."""
    package = Path(__file__).resolve().parents[1]
    flags = ["-I", *(["-B"] if sys.dont_write_bytecode else [])]
    return {
        "args": [
            sys.executable,
            *flags,
            str(package / "workers" / "program.py"),
            str(package),
            *folders,
        ],
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "bufsize": 0,
        "env": {**os.environ, **_ENVIRONMENT},
    }
