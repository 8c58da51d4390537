"""Checking the tensors of a file chunk by chunk, alone or against the checkpoint they came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quantcli import codec, transform
from quantcli.checkpoint import BoundLoad, TensorReader, TensorRef
from quantcli.container.reader import GgufFile
from quantcli.errors import QuantcliError
from quantcli.evaluate.bounds import BOUNDS
from quantcli.evaluate.tensor_error import TensorError, measure

# Weights decoded at a time: 4 MiB of float32, three such buffers.
CHUNK_WEIGHTS = 1 << 20


@dataclass(frozen=True, slots=True)
class Origin:
    """How a tensor was made: transform, its arguments and its sources (see planning.Step)."""

    op: str
    args: tuple[int | float | str, ...]
    sources: tuple[TensorRef, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """A tensor to be checked.

    Attributes:
        name: its name in the file.
        type: codec name.
        rows, columns: of the tensor seen as a matrix.
        row_bytes: encoded bytes of a row.
        origin: how to make its rows again; None checks the encoded blocks alone.
    """

    name: str
    type: str
    rows: int
    columns: int
    row_bytes: int
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class Job:
    """What every worker needs to know.

    Attributes:
        path: the file.
        root: folder of the checkpoint; None when no subject has an origin.
        subjects: the tensors.
        effort: when given, sources are also encoded again with it and compared byte by byte.
    """

    path: Path
    root: Path | None
    subjects: tuple[Subject, ...]
    effort: str | None


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows [start, stop) of subject number `subject`."""

    subject: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What checking a piece gave.

    Attributes:
        invalid: blocks with a NaN or infinite scale.
        error: against the source.
        different: rows whose bytes are not what encoding the source gives.
        first_different: the first of them.
        failure: why the source could not be read.
    """

    invalid: int
    error: TensorError | None = None
    different: int = 0
    first_different: int | None = None
    failure: str | None = None

    def merged(self, later: Finding) -> Finding:
        """Return the finding over these rows and the `later` ones."""
        error = self.error
        if error is None or later.error is None:
            error = error or later.error
        else:
            error = error.merged(later.error)
        first = self.first_different if self.different else later.first_different
        return Finding(
            self.invalid + later.invalid,
            error,
            self.different + later.different,
            first,
            self.failure or later.failure,
        )


def cut(subjects: Sequence[Subject], chunk_weights: int = CHUNK_WEIGHTS) -> Iterator[Piece]:
    """Yield pieces of whole rows and about `chunk_weights` weights that cover all subjects."""
    for number, subject in enumerate(subjects):
        step = max(1, chunk_weights // subject.columns)
        for start in range(0, subject.rows, step):
            yield Piece(number, start, min(start + step, subject.rows))


class Checker:
    """Checks pieces of one job."""

    def __init__(self, job: Job, file: GgufFile | None = None) -> None:
        """Map the file, unless `file` is that already, and the checkpoint.

        Raises:
            ContainerError: the file is not a readable GGUF file.
        """
        self._job = job
        self._file = GgufFile(job.path) if file is None else file
        self._reader = None if job.root is None else TensorReader(job.root)

    def check(self, piece: Piece) -> Finding:
        """Return what is wrong with the rows of `piece`; never raises for what it finds."""
        subject = self._job.subjects[piece.subject]
        kind = codec.get(subject.type)
        data = self._file.rows_bytes(subject.name, piece.start, piece.stop)
        invalid = kind.invalid_blocks(data)
        if subject.origin is None or self._reader is None:
            return Finding(invalid)
        origin = subject.origin
        load = BoundLoad(self._reader, origin.sources)
        try:
            rows = transform.get(origin.op).rows(load, origin.args, piece.start, piece.stop)
            different: list[int] = []
            if self._job.effort is not None and np.isfinite(rows).all():
                again = kind.encode_rows(rows, effort=self._job.effort)
                different = [int(row) for row in np.flatnonzero((again != data).any(axis=1))]
        except QuantcliError as failure:
            return Finding(invalid, failure=str(failure))
        decoded = kind.decode_rows(data)
        error = measure(rows, decoded, kind.block, BOUNDS[kind.name], piece.start)
        first = piece.start + different[0] if different else None
        return Finding(invalid, error, len(different), first)
