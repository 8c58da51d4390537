"""What a worker does for a conversion: read rows → transform → encode → write at their offset."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quantcli import codec, transform
from quantcli.checkpoint.reader import BoundLoad, TensorReader
from quantcli.errors import InputError, OutputError, QuantcliError
from quantcli.execute.checksum import checksum
from quantcli.execute.files import open_existing, write_at
from quantcli.execute.moving import moved_rows, moves
from quantcli.importance import MatrixSource, Weighing, encode_rows
from quantcli.planning.plan import Step
from quantcli.workers.packed import Packed

FloatArray = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Part = tuple[Step, int, int]
"""A step and its rows [start, stop)."""

# Types that can hold NaN and infinity; all others must not meet them.
_NONFINITE_TYPES = frozenset({"F32", "F16", "BF16"})


@dataclass(frozen=True, slots=True)
class Target:
    """What all calls of one run share.

    Attributes:
        run: a random number of the run's own, so that no worker takes a file that an earlier run
            left open for this one's.
        root: the checkpoint's folder, absolute.
        output: the partial file, absolute; at its full size.
        inode: the partial file's, so that no worker writes to another file of that name.
        effort: the encoders' effort.
        allow_nonfinite: let NaN and infinite weights through: NaN becomes 0 and infinity the row's
            largest finite magnitude, where the type has no code for them.
        matrix: where the importance matrix lies, or None.
        flush: bring what was written to the storage before answering, for workers that do not
            share this machine's memory.
    """

    run: str
    root: str
    output: str
    inode: int
    effort: str
    allow_nonfinite: bool
    flush: bool
    matrix: MatrixSource | None = None


@dataclass(frozen=True, slots=True)
class Done(Packed):
    """What became of some rows: checksum of their bytes and how many weights were not finite."""

    checksum: int
    nonfinite: int


class NonFiniteError(InputError):
    """A weight is NaN or infinite; `tensor` names where."""

    def __init__(self, tensor: str, file: str, count: int, row: int, column: int) -> None:
        super().__init__(
            f"tensor {tensor} holds {count} weights that are NaN or infinite "
            f"(the first at row {row}, column {column})",
            where=file,
            hint="Use --allow-nonfinite to go on: NaN becomes 0 and infinity the row's largest "
            "finite magnitude.",
        )


class _Open:
    """The files of one run; closed with the last reference."""

    def __init__(self, target: Target) -> None:
        self.reader = TensorReader(Path(target.root))
        self.weighing = Weighing(target.matrix)
        self.descriptor = -1
        path = Path(target.output)
        found = open_existing(path)
        if found is None or os.fstat(found).st_ino != target.inode:
            if found is not None:
                os.close(found)
            raise OutputError(
                "is not the file that this run has begun",
                where=str(path),
                hint="Workers and the command itself must see the same files under the same paths.",
            )
        self.descriptor = found

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)


# One entry: a worker of a cluster lives on, and must not keep the files of every run it has seen.
_opened = functools.lru_cache(maxsize=1)(_Open)


def release() -> None:
    """Close the files that calls in this process have left open."""
    _opened.cache_clear()


def encode(target: Target, parts: Sequence[Part]) -> tuple[Done, ...]:
    """Encode rows and write them at their place.

    Raises:
        NonFiniteError: a weight is NaN or infinite and that is not allowed.
        QuantcliError: a source cannot be read, or the encoded blocks are not valid.
        OSError: the output cannot be written.
    """
    files = _opened(target)
    done = tuple(_encode(target, files, *part) for part in parts)
    if target.flush:
        os.fsync(files.descriptor)
    return done


def _encode(target: Target, files: _Open, step: Step, start: int, stop: int) -> Done:
    data = moved_rows(files.reader, step, start, stop) if moves(step) else None
    nonfinite = 0
    if data is None:
        load = BoundLoad(files.reader, step.sources)
        rows = transform.get(step.op).rows(load, step.args, start, stop)
        nonfinite = 0 if np.isfinite(rows).all() else int((~np.isfinite(rows)).sum())
        if nonfinite:
            rows = _admitted(target, step, start, rows, nonfinite)
        valid = not nonfinite or step.type not in _NONFINITE_TYPES
        weights = None
        if step.importance:
            weights = files.weighing.of(step.name, step.matrices, step.columns)
        data = _encoded(target.effort, step, rows, start, weights, valid=valid)
    row_bytes = step.nbytes // step.rows
    if data.nbytes != (stop - start) * row_bytes:
        raise AssertionError(f"{step.name}: {data.nbytes} bytes encoded for {stop - start} rows")
    write_at(files.descriptor, step.offset + start * row_bytes, data.data)
    return Done(checksum(data), nonfinite)


def _encoded(
    effort: str,
    step: Step,
    rows: FloatArray,
    first_row: int,
    weights: FloatArray | None,
    *,
    valid: bool,
) -> Bytes:
    kind, height = codec.get(step.type), step.rows // step.matrices
    try:
        encoded = encode_rows(kind, rows, effort, weights, first_row, height)
    except codec.ScaleOverflowError as error:
        row, where = first_row + error.row, f"tensor {step.name}"
        raise codec.ScaleOverflowError(kind.name, row, error.block, where=where) from None
    if valid and kind.invalid_blocks(encoded):
        raise QuantcliError(
            f"{kind.invalid_blocks(encoded)} blocks of type {step.type} have a scale that is "
            "not finite",
            where=f"tensor {step.name}",
            hint="Its values are beyond what the type's scales can hold: keep it in BF16.",
        )
    return encoded


def _admitted(
    target: Target, step: Step, first_row: int, rows: FloatArray, count: int
) -> FloatArray:
    """Return `rows` fit for the step's type, or refuse them."""
    if not target.allow_nonfinite:
        row, column = (int(i) for i in np.argwhere(~np.isfinite(rows))[0])
        file = step.sources[0].file if step.sources else ""
        raise NonFiniteError(step.name, file, count, first_row + row, column)
    if step.type in _NONFINITE_TYPES:
        return rows
    finite = np.where(np.isfinite(rows), rows, np.float32(0))
    largest = np.abs(finite).max(axis=-1, keepdims=True)
    return np.where(np.isinf(rows), np.copysign(largest, rows), finite)
