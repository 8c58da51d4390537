"""Carrying out a plan: lock, partial file, journal, workers, check, atomic rename."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from quantcli.container.reader import GgufFile
from quantcli.errors import InputError, Interrupted, OutputError, QuantcliError, UsageError
from quantcli.execute import journal as journals
from quantcli.execute import task
from quantcli.execute.chunks import (
    CHUNK_WEIGHTS,
    bundles,
    mostly_moves,
    position,
    split,
    weights,
)
from quantcli.execute.files import write_at
from quantcli.execute.lock import held
from quantcli.execute.partial import Partial, journal_of, refuse_special
from quantcli.execute.sources import observe, refuse_as_output, refuse_changes
from quantcli.importance import MatrixSource
from quantcli.planning.plan import Plan
from quantcli.workers.call import Call, described
from quantcli.workers.engine import Engine, drive, opened

Progress = Callable[[int, int], None]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How a plan is carried out.

    Attributes:
        jobs: worker processes on this machine; 1 encodes in this process.
        engine: where else to work, see `workers.engine.opened`.
        matrix: where the importance matrix of the plan lies; needed where the plan has one.
        allow_nonfinite: let NaN and infinite weights through (see `task.Target`).
        chunk_weights: weights in a unit of work; does not change the result.
        progress: called with (weights done, weights in all) from the calling thread.
        tell: called with sentences worth showing at once.
        unwanted: asked once the output's lock is held, when whoever held it before may have
            changed what is there; True ends the run without touching anything.
    """

    jobs: int
    engine: str | None = None
    matrix: MatrixSource | None = None
    allow_nonfinite: bool = False
    chunk_weights: int = CHUNK_WEIGHTS
    progress: Progress | None = None
    tell: Tell | None = None
    unwanted: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did.

    Attributes:
        resumed: weights taken over from an earlier run that was stopped.
        nonfinite: weights that were NaN or infinite and let through, in this run.
        skipped: `unwanted` said so.
        notes: what went wrong and was made good.
    """

    resumed: int = 0
    nonfinite: int = 0
    skipped: bool = False
    notes: tuple[str, ...] = ()


def execute(plan: Plan, root: Path, output: Path, options: Options) -> Outcome:
    """Write the file that `plan` describes to `output`, going on where an earlier run stopped.

    Until the end the bytes lie in `OUTPUT.partial` with `OUTPUT.partial.journal` beside it; then
    the file is flushed to disk and renamed. Bad input removes both, an interruption keeps both.
    `OUTPUT.lock` is there while that goes on, and keeps other runs waiting.

    Args:
        plan: the plan.
        root: folder of the checkpoint the plan was made from.
        output: final path; replaced if it exists.
        options: as said there.

    Raises:
        InputError: bad weights, or files that changed in the meantime; nothing is left behind.
        OutputError: no space, not writable, or no regular file.
        QuantcliError: workers do not start or die, or a device fails; what is done is kept.
        Interrupted: Ctrl-C or SIGTERM; the same call goes on.
    """
    refuse_special(output)
    tell = _unfailing(options.tell)
    try:
        _make_folder(output)
        with held(output, tell):
            if options.unwanted is not None and options.unwanted():
                return Outcome(skipped=True)
            return _Run(plan, root.absolute(), output.absolute(), options).carry_out()
    except KeyboardInterrupt:
        raise Interrupted("stopped before it began", where=str(output)) from None
    except (OSError, MemoryError) as error:
        raise described(error) from error
    finally:
        task.release()


def _make_folder(output: Path) -> None:
    """Make the folder that the output goes into.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror}", where=str(output), hint="Use another --output."
        ) from error


def _refuse_matrix(plan: Plan, matrix: MatrixSource | None) -> None:
    """Raise UsageError unless the importance matrix is the plan's."""
    planned = () if plan.matrix is None else tuple(file.digest for file in plan.matrix.files)
    if planned == (() if matrix is None else matrix.digests):
        return
    names = "none" if plan.matrix is None else ", ".join(f.name for f in plan.matrix.files)
    raise UsageError(
        f"the plan was made with another importance matrix: {names}",
        hint="Name the same files by --imatrix, or make the plan again.",
    )


class _Run:
    """One attempt at a plan, under the output's lock."""

    def __init__(self, plan: Plan, root: Path, output: Path, options: Options) -> None:
        self._plan, self._root, self._options = plan, root, options
        _refuse_matrix(plan, options.matrix)
        self._progress = _unfailing(options.progress)
        self._tell = _unfailing(options.tell)
        self._sources = observe(plan, root)
        refuse_as_output(self._sources, output)
        self._total = plan.weights  # a sum over all steps, asked for after every chunk
        self._record = journal_of(output)
        self._nonfinite = 0
        found = journals.load(self._record)
        heading = journals.Heading(
            plan=plan.digest(),
            options="allow_nonfinite" if options.allow_nonfinite else "",
            chunk_weights=options.chunk_weights if found is None else found.chunk_weights,
            sources=self._sources,
        )
        resumes = found is not None and heading.line() == found.heading
        if not resumes:
            heading = replace(heading, chunk_weights=options.chunk_weights)
        self._chunks = split(plan, heading.chunk_weights)
        self._partial = Partial(output, plan.size, keep=resumes)
        try:
            checksums = found.checksums if found is not None and resumes else {}
            self._done = journals.confirmed(self._partial.descriptor, plan, self._chunks, checksums)
            self._journal = journals.Journal(self._record, heading, self._done)
        except BaseException:
            if not resumes:
                self._partial.discard()
            self._partial.close()
            raise
        self._weights = self._resumed = sum(weights(plan, self._chunks[n]) for n in self._done)

    def carry_out(self) -> Outcome:
        """Do what is left and publish the file; see `execute`."""
        try:
            notes = self._encode()
            _check(self._partial, self._plan)
            refuse_changes(self._sources, self._root)
            self._partial.publish()
        except InputError:
            self._partial.discard()
            self._record.unlink(missing_ok=True)
            raise
        except KeyboardInterrupt:
            raise self._interrupted() from None
        finally:
            self._journal.close()
            self._partial.close()
        self._record.unlink(missing_ok=True)
        return Outcome(self._resumed, self._nonfinite, notes=notes)

    def _encode(self) -> tuple[str, ...]:
        """Write the header and what is left of the tensors; return what was made good."""
        write_at(self._partial.descriptor, 0, self._plan.header)
        self._progress(self._weights, self._total)
        left = [number for number in range(len(self._chunks)) if number not in self._done]
        work = bundles(self._plan, self._chunks, left, None)
        with opened(
            self._options.engine,
            jobs=self._options.jobs,
            calls=len(work),
            threads=mostly_moves(self._plan),
        ) as engine:
            if not engine.local:
                work = bundles(self._plan, self._chunks, left, engine.workers())
            try:
                drive(
                    engine, self._calls(work, engine), lambda i, done: self._report(work[i], done)
                )
            finally:
                for note in engine.notes:
                    self._tell(note)
            if not engine.local:
                self._read_back()
            return tuple(engine.notes)

    def _calls(self, work: list[tuple[int, ...]], engine: Engine) -> Iterator[Call]:
        target = task.Target(
            run=os.urandom(16).hex(),
            root=str(self._root),
            output=str(self._partial.path),
            inode=self._partial.inode,
            effort=self._plan.effort,
            allow_nonfinite=self._options.allow_nonfinite,
            flush=not engine.local,
            matrix=self._options.matrix,
        )
        for bundle in work:
            chunks = [self._chunks[number] for number in bundle]
            parts = [(self._plan.steps[c.step], c.start, c.stop) for c in chunks]
            yield Call.of(task.encode, target, parts)

    def _report(self, bundle: tuple[int, ...], done: tuple[task.Done, ...]) -> None:
        checksums = {number: one.checksum for number, one in zip(bundle, done, strict=True)}
        self._journal.append(checksums.items())
        self._partial.note_written(
            position(self._plan, self._chunks[bundle[0]])[0],
            sum(position(self._plan, self._chunks[bundle[-1]])),
        )
        self._done.update(checksums)
        self._nonfinite += sum(one.nonfinite for one in done)
        self._weights += sum(weights(self._plan, self._chunks[number]) for number in bundle)
        self._progress(self._weights, self._total)

    def _read_back(self) -> None:
        """Hold what other machines say to have written against what this one reads."""
        here = journals.confirmed(self._partial.descriptor, self._plan, self._chunks, self._done)
        if lost := len(self._done) - len(here):
            raise OutputError(
                f"{lost} of {len(self._done)} parts are not what workers say they wrote",
                where=str(self._partial.path),
                hint="The storage does not keep what several machines write at once. The same "
                "command writes these parts again.",
            )

    def _interrupted(self) -> Interrupted:
        """Return the error that tells the user how far it came."""
        share = 100 * self._weights / max(1, self._total)
        return Interrupted(
            f"stopped at {share:.1f} %; what is done is kept",
            where=str(self._partial.path),
            hint="The same command goes on from there.",
        )


def _check(partial: Partial, plan: Plan) -> None:
    """Read the file's structure back with the strict reader and hold it against the plan."""
    tensors = GgufFile(partial.path).tensors
    found = [(t.name, t.shape, t.type.name, t.offset, t.nbytes) for t in tensors.values()]
    planned = [(s.name, s.shape, s.type, s.offset, s.nbytes) for s in plan.steps]
    if found != planned:
        raise QuantcliError(
            "the written header does not say what was planned", where=str(partial.path)
        )


def _unfailing(show: Callable[..., None] | None) -> Callable[..., None]:
    """Return `show` in a form that fails no conversion: nobody may be there to see it."""

    def call(*arguments: object) -> None:
        # A closed pipe, a full disk behind a log; a stream that was closed raises ValueError.
        with suppress(OSError, ValueError):
            if show is not None:
                show(*arguments)

    return call
