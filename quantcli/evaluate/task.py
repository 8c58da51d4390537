"""What a worker does for a check: decode rows of a file and compare them with their source."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quantcli import codec, transform
from quantcli.checkpoint import BoundLoad, TensorReader, TensorRef
from quantcli.checkpoint.ranges import RangeFile
from quantcli.errors import ContainerError, QuantcliError
from quantcli.evaluate.bounds import BOUNDS
from quantcli.evaluate.tensor_error import TensorError, measure
from quantcli.importance import MatrixSource, Weighing, encode_rows
from quantcli.workers.packed import Packed


@dataclass(frozen=True, slots=True)
class Origin(Packed):
    """How a tensor was made: transform, its arguments and its sources (see planning.Step)."""

    op: str
    args: tuple[int | float | str, ...]
    sources: tuple[TensorRef, ...]


@dataclass(frozen=True, slots=True)
class Subject(Packed):
    """A tensor to be checked.

    Attributes:
        name: its name in the file.
        type: codec name.
        rows, columns: of the tensor seen as a matrix.
        row_bytes: encoded bytes of a row.
        offset: absolute byte offset of its first row in the file.
        matrices: how many matrices it stacks: its experts, else 1.
        importance: whether it was encoded with data of the importance matrix.
        origin: how to make its rows again; None checks the encoded blocks alone.
    """

    name: str
    type: str
    rows: int
    columns: int
    row_bytes: int
    offset: int
    origin: Origin | None
    matrices: int = 1
    importance: bool = False


Part = tuple[Subject, int, int]
"""A subject and its rows [start, stop)."""
Place = tuple[str, int, int]
"""Rows of a subject without an origin: type, absolute offset in the file, bytes."""
Bytes = npt.NDArray[np.uint8]

# What lies between two places that are read at once, and what is read at once, in bytes at most.
_GAP = 4096
_AT_ONCE = 4 << 20


@dataclass(frozen=True, slots=True)
class Target:
    """What all calls of one check share.

    Attributes:
        run: a random number of the check's own, so that no worker takes files that an earlier one
            left open for this one's.
        path: the file, absolute.
        inode: the file's, so that no worker checks another file of that name.
        root: the checkpoint's folder, absolute; None when no subject has an origin.
        effort: when given, sources are also encoded again with it and compared byte by byte.
        matrix: where the importance matrix lies that they are encoded with, or None.
    """

    run: str
    path: str
    inode: int
    root: str | None
    effort: str | None
    matrix: MatrixSource | None = None


@dataclass(frozen=True, slots=True)
class Finding(Packed):
    """What checking some rows gave.

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


class _Open:
    """The files of one check."""

    def __init__(self, target: Target) -> None:
        self.file = RangeFile(Path(target.path), target.path, ContainerError)
        self.reader = None if target.root is None else TensorReader(Path(target.root))
        self.weighing = Weighing(target.matrix)
        if os.fstat(self.file.descriptor).st_ino != target.inode:
            raise ContainerError(
                "is not the file that is being checked",
                where=target.path,
                hint="Workers and the command itself must see the same files under the same paths.",
            )


# One entry: a worker of a cluster lives on, and must not keep the files of every check it has seen.
_opened = functools.lru_cache(maxsize=1)(_Open)


def release() -> None:
    """Close the files that calls in this process have left open."""
    _opened.cache_clear()


def check(target: Target, parts: Sequence[Part]) -> tuple[Finding, ...]:
    """Return what is wrong with rows of the file; never raises for what it finds.

    Raises:
        ContainerError: the file is gone, or shorter than it was.
        QuantcliError: its device fails.
    """
    files = _opened(target)
    return tuple(_check(target, files, *part) for part in parts)


def count_invalid(target: Target, places: Sequence[Place]) -> dict[int, int]:
    """Return how many invalid blocks each place holds, by its number; none where it is not there.

    Places of one type are looked at together: a file may have a hundred thousand tensors of a few
    bytes.

    Raises:
        ContainerError: the file is gone, or shorter than it was.
        QuantcliError: its device fails.
    """
    found: dict[str, list[tuple[int, Bytes]]] = {}
    for number, data in enumerate(_read(_opened(target).file, places)):
        found.setdefault(places[number][0], []).append((number, data))
    counts: dict[int, int] = {}
    for name, parts in found.items():
        kind = codec.get(name)
        if len(parts) > 1 and not kind.invalid_blocks(np.concatenate([data for _, data in parts])):
            continue
        counts |= {n: count for n, data in parts if (count := kind.invalid_blocks(data))}
    return counts


def _read(file: RangeFile, places: Sequence[Place]) -> Iterator[Bytes]:
    """Yield the bytes of each place; neighbours are read at once, the gaps between them too."""
    start = 0
    while start < len(places):
        _, first, length = places[start]
        end, stop = first + length, start + 1
        while stop < len(places):
            _, offset, length = places[stop]
            if not 0 <= offset - end <= _GAP or offset + length - first > _AT_ONCE:
                break
            end, stop = offset + length, stop + 1
        data = np.empty(end - first, np.uint8)
        file.read_into(first, data)
        for _, offset, length in places[start:stop]:
            yield data[offset - first : offset - first + length]
        start = stop


def _check(target: Target, files: _Open, subject: Subject, start: int, stop: int) -> Finding:
    kind = codec.get(subject.type)
    data = np.empty((stop - start, subject.row_bytes), np.uint8)
    files.file.read_into(subject.offset + start * subject.row_bytes, data)
    invalid = kind.invalid_blocks(data)
    if subject.origin is None or files.reader is None:
        return Finding(invalid)
    origin = subject.origin
    load = BoundLoad(files.reader, origin.sources)
    try:
        rows = transform.get(origin.op).rows(load, origin.args, start, stop)
        different: list[int] = []
        if target.effort is not None and np.isfinite(rows).all():
            weights = None
            if subject.importance:
                weights = files.weighing.of(subject.name, subject.matrices, subject.columns)
            height = subject.rows // subject.matrices
            again = encode_rows(kind, rows, target.effort, weights, start, height)
            different = [int(row) for row in np.flatnonzero((again != data).any(axis=1))]
    except QuantcliError as failure:
        return Finding(invalid, failure=str(failure))
    decoded = kind.decode_rows(data)
    error = measure(rows, decoded, kind.block, BOUNDS[kind.name], start)
    first = start + different[0] if different else None
    return Finding(invalid, error, len(different), first)
