"""Checking the tensors of a file chunk by chunk, alone or against the checkpoint they came from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from quantcli.evaluate import task
from quantcli.evaluate.task import Finding, Subject
from quantcli.importance import MatrixSource
from quantcli.workers.call import Call
from quantcli.workers.engine import drive, opened

# Weights decoded at a time: 4 MiB of float32, three such buffers.
CHUNK_WEIGHTS = 1 << 20
# What a worker on this machine gets at least: small tensors go together.
_TOGETHER = CHUNK_WEIGHTS // 2
# What a cluster's worker gets at once, in weights: a task costs milliseconds there.
_BUNDLE_WEIGHTS = 64 << 20

_FINE = Finding(0)
Report = Callable[["Piece", Finding], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What is checked.

    Attributes:
        path: the file.
        root: folder of the checkpoint; None when no subject has an origin.
        subjects: the tensors.
        effort: when given, sources are also encoded again with it and compared byte by byte.
        matrix: where the importance matrix lies that they are encoded with, or None.
    """

    path: Path
    root: Path | None
    subjects: tuple[Subject, ...]
    effort: str | None
    matrix: MatrixSource | None = None


@dataclass(frozen=True, slots=True)
class Workers:
    """Who checks.

    Attributes:
        jobs: worker processes on this machine; 1 checks in this process.
        engine: where else to work, see `workers.engine.opened`.
    """

    jobs: int
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows [start, stop) of subject number `subject`."""

    subject: int
    start: int
    stop: int


def cut(subjects: Sequence[Subject], chunk_weights: int = CHUNK_WEIGHTS) -> Iterator[Piece]:
    """Yield pieces of whole rows and about `chunk_weights` weights that cover all subjects."""
    for number, subject in enumerate(subjects):
        step = max(1, chunk_weights // subject.columns)
        for start in range(0, subject.rows, step):
            yield Piece(number, start, min(start + step, subject.rows))


def check_all(
    job: Job, pieces: Sequence[Piece], report: Report, workers: Workers
) -> tuple[str, ...]:
    """Check `pieces`; call `report` with each and what was found, in their order.

    Args:
        job: what is checked.
        pieces: rows to check.
        report: called in this thread.
        workers: who checks them.

    Returns:
        What went wrong and was made good, in sentences.

    Raises:
        QuantcliError: the file cannot be read, or workers do not start or die.
    """
    target = task.Target(
        run=os.urandom(16).hex(),
        path=str(job.path.absolute()),
        inode=job.path.stat().st_ino,
        root=None if job.root is None else str(job.root.absolute()),
        effort=job.effort,
        matrix=job.matrix,
    )
    try:
        least = _TOGETHER if workers.engine is None else _BUNDLE_WEIGHTS
        groups = list(_groups(job, pieces, least))
        with opened(workers.engine, jobs=workers.jobs, calls=len(groups)) as engine:
            in_order = _InOrder(groups, report)
            if any(subject.origin is not None for subject in job.subjects):
                calls = (Call.of(task.check, target, _parts(job, group)) for group in groups)
                drive(engine, calls, in_order)
            else:
                calls = (Call.of(task.count_invalid, target, _places(job, g)) for g in groups)
                drive(engine, calls, lambda n, found: in_order(n, _findings(groups[n], found)))
            return tuple(engine.notes)
    finally:
        task.release()


def _groups(job: Job, pieces: Sequence[Piece], least: int) -> Iterator[tuple[Piece, ...]]:
    """Yield the pieces in groups of at least `least` weights."""
    group: list[Piece] = []
    size = 0
    for piece in pieces:
        group.append(piece)
        size += (piece.stop - piece.start) * job.subjects[piece.subject].columns
        if size >= least:
            yield tuple(group)
            group, size = [], 0
    if group:
        yield tuple(group)


def _parts(job: Job, group: Sequence[Piece]) -> list[task.Part]:
    return [(job.subjects[piece.subject], piece.start, piece.stop) for piece in group]


def _places(job: Job, group: Sequence[Piece]) -> list[task.Place]:
    places = []
    for piece in group:
        subject = job.subjects[piece.subject]
        width = subject.row_bytes
        start, rows = subject.offset + piece.start * width, piece.stop - piece.start
        places.append((subject.type, start, rows * width))
    return places


def _findings(group: Sequence[Piece], invalid: Mapping[int, int]) -> tuple[Finding, ...]:
    """Return a finding for each piece: the number of invalid blocks, by the piece's place."""
    findings = [_FINE] * len(group)
    for number, count in invalid.items():
        findings[number] = Finding(count)
    return tuple(findings)


class _InOrder:
    """Reports findings in the order of their pieces, whoever is first to make them."""

    def __init__(self, groups: Sequence[Sequence[Piece]], report: Report) -> None:
        self._groups, self._report = groups, report
        self._early: dict[int, tuple[Finding, ...]] = {}
        self._next = 0

    def __call__(self, number: int, findings: tuple[Finding, ...]) -> None:
        self._early[number] = findings
        while self._next in self._early:
            found = self._early.pop(self._next)
            for piece, finding in zip(self._groups[self._next], found, strict=True):
                self._report(piece, finding)
            self._next += 1
