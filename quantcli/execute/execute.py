"""Carrying out a plan: partial file, journal, workers, check, atomic rename."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from quantcli.container.reader import GgufFile
from quantcli.errors import InputError, Interrupted, OutputError, PlanError, QuantcliError
from quantcli.execute import journal as journals
from quantcli.execute import pool
from quantcli.execute.chunks import CHUNK_WEIGHTS, split, weights
from quantcli.execute.encoder import Done
from quantcli.execute.lock import claim, share
from quantcli.execute.report import from_os_error
from quantcli.planning.plan import Plan

Progress = Callable[[int, int], None]

# Seconds to wait for the workers of a killed run to finish the chunk they are on.
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did.

    Attributes:
        resumed: weights taken over from an earlier run that was stopped.
        nonfinite: weights that were NaN or infinite and let through, in this run.
    """

    resumed: int
    nonfinite: int


def execute(
    plan: Plan,
    root: Path,
    output: Path,
    *,
    jobs: int,
    allow_nonfinite: bool = False,
    chunk_weights: int = CHUNK_WEIGHTS,
    progress: Progress | None = None,
) -> Outcome:
    """Write the file that `plan` describes to `output`, going on where an earlier run stopped.

    Until the end the bytes lie in `OUTPUT.partial` with `OUTPUT.partial.journal` beside it; then
    the file is flushed to disk and renamed. Bad input removes both, an interruption keeps both.

    Args:
        plan: the plan.
        root: folder of the checkpoint the plan was made from.
        output: final path; replaced if it exists.
        jobs: number of worker processes; 1 encodes in this process.
        allow_nonfinite: let NaN and infinite weights through (see `Encoder`).
        chunk_weights: weights in a unit of work; does not change the result.
        progress: called with (weights done, weights in all) from this thread.

    Raises:
        InputError: bad weights; nothing is left behind.
        OutputError: no space, not writable, or another process writes the same output.
        Interrupted: Ctrl-C or SIGTERM; the same call goes on.
    """
    partial = output.with_name(output.name + ".partial")
    record = partial.with_name(partial.name + ".journal")
    with _opened(partial, plan.size) as descriptor:
        run = _Run(
            plan,
            root,
            partial,
            record,
            allow_nonfinite=allow_nonfinite,
            chunk_weights=chunk_weights,
            progress=progress,
        )
        try:
            run.resume()
            _write_header(descriptor, plan.header)
            run.encode(jobs)
            os.fsync(descriptor)
            _check(partial, plan)
        except InputError:
            run.close()
            partial.unlink(missing_ok=True)
            record.unlink(missing_ok=True)
            raise
        except KeyboardInterrupt:
            raise run.interrupted() from None
        except OSError as error:
            raise from_os_error(error) from error
        finally:
            run.close()
    _publish(partial, output)
    record.unlink(missing_ok=True)
    return Outcome(run.resumed, run.nonfinite)


class _Run:
    """One attempt at a plan: its journal and its counters."""

    def __init__(
        self,
        plan: Plan,
        root: Path,
        partial: Path,
        record: Path,
        *,
        allow_nonfinite: bool,
        chunk_weights: int,
        progress: Progress | None,
    ) -> None:
        self._plan, self._root, self._partial, self._record = plan, root, partial, record
        self._allow_nonfinite = allow_nonfinite
        self._chunk_weights = chunk_weights
        self._progress = progress or (lambda _done, _total: None)
        self._journal: journals.Journal | None = None
        self._done: dict[int, int] = {}
        self._weights = 0
        self._total = plan.weights  # a sum over all steps, asked for after every chunk
        self.resumed = 0
        self.nonfinite = 0

    def resume(self) -> None:
        """Take over what an earlier run of the same plan on the same sources has written."""
        found = journals.load(self._record)
        digest, sources = self._plan.digest(), _sources(self._plan, self._root)
        options = "allow_nonfinite" if self._allow_nonfinite else ""
        if found is not None:
            old = journals.Heading(digest, options, found.chunk_weights, sources)
            if old.line() == found.heading:
                self._chunk_weights = found.chunk_weights
                chunks = split(self._plan, self._chunk_weights)
                self._done = journals.confirmed(self._partial, self._plan, chunks, found.checksums)
        self._chunks = split(self._plan, self._chunk_weights)
        self.resumed = sum(weights(self._plan, self._chunks[number]) for number in self._done)
        self._weights = self.resumed
        heading = journals.Heading(digest, options, self._chunk_weights, sources)
        self._journal = journals.Journal(self._record, heading, self._done)
        self._progress(self._weights, self._total)

    def encode(self, jobs: int) -> None:
        """Do what is left."""
        left = [number for number in range(len(self._chunks)) if number not in self._done]
        job = pool.Job(
            self._plan, self._root, self._partial, self._allow_nonfinite, self._chunk_weights
        )
        pool.run(job, left, jobs, self._report)

    def interrupted(self) -> Interrupted:
        """Return the error that tells the user how far it came."""
        share = 100 * self._weights / max(1, self._total)
        return Interrupted(
            f"stopped at {share:.1f} %; what is done is kept",
            where=str(self._partial),
            hint="The same command goes on from there.",
        )

    def close(self) -> None:
        """Close the journal; it stays on disk."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _report(self, number: int, done: Done) -> None:
        if self._journal is not None:
            self._journal.append(number, done.checksum)
        self.nonfinite += done.nonfinite
        self._weights += weights(self._plan, self._chunks[number])
        self._progress(self._weights, self._total)


def _sources(plan: Plan, root: Path) -> tuple[tuple[str, int, int], ...]:
    """Return path, size and modification time of the source files, which must be as planned."""
    states = []
    for file in plan.files:
        try:
            status = (root / file.path).stat()
        except OSError as error:
            raise PlanError(
                f"the plan needs this file: {error.strerror}",
                where=str(root / file.path),
                hint="Name the folder that the plan was made from.",
            ) from error
        if status.st_size != file.size:
            raise PlanError(
                f"is {status.st_size} bytes long, the plan was made from one of {file.size}",
                where=str(root / file.path),
                hint="Make the plan again.",
            )
        states.append((file.path, status.st_size, status.st_mtime_ns))
    return tuple(states)


@contextmanager
def _opened(partial: Path, size: int) -> Iterator[int]:
    """Yield a descriptor of the partial file, at its full size and locked against other runs."""
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror}", where=str(partial), hint="Use another --output."
        ) from error
    try:
        if not claim(descriptor, _PATIENCE):
            raise OutputError(
                "another process is writing this output", where=str(partial), hint="Wait for it."
            )
        _check_space(partial, descriptor, size)
        os.ftruncate(descriptor, size)
        # Workers take shared locks of their own; a third process is kept out by any of them.
        share(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)


def _check_space(partial: Path, descriptor: int, size: int) -> None:
    """Refuse to start what cannot be finished."""
    status = os.fstat(descriptor)
    have = getattr(status, "st_blocks", 0) * 512
    free = shutil.disk_usage(partial.parent).free
    if free + have < size:
        if not have:
            partial.unlink()
        raise OutputError(
            f"{size:,} bytes are needed and {free + have:,} are free",
            where=str(partial.parent),
            hint="Free some space or use another --output.",
        )


def _write_header(descriptor: int, header: bytes) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    view = memoryview(header)
    while view:
        view = view[os.write(descriptor, view) :]


def _check(partial: Path, plan: Plan) -> None:
    """Read the file's structure back with the strict reader and hold it against the plan."""
    tensors = GgufFile(partial).tensors
    found = [(t.name, t.shape, t.type.name, t.offset, t.nbytes) for t in tensors.values()]
    planned = [(s.name, s.shape, s.type, s.offset, s.nbytes) for s in plan.steps]
    if found != planned:
        raise QuantcliError("the written header does not say what was planned", where=str(partial))


def _publish(partial: Path, output: Path) -> None:
    """Give the finished file its name, durably."""
    try:
        partial.replace(output)
    except OSError as error:
        raise from_os_error(error) from error
    # Directories cannot be opened everywhere; where they can, the rename itself is made durable.
    with suppress(OSError):
        folder = os.open(output.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
