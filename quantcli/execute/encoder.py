"""One chunk: read rows → transform → encode → write at its offset; the same in every worker."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quantcli import codec, transform
from quantcli.checkpoint.reader import BoundLoad, TensorReader
from quantcli.errors import InputError, QuantcliError
from quantcli.execute.chunks import Chunk, position
from quantcli.planning.plan import Plan, Step

FloatArray = npt.NDArray[np.float32]

# Types that can hold NaN and infinity; all others must not meet them.
_NONFINITE_TYPES = frozenset({"F32", "F16", "BF16"})


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a chunk: checksum of its bytes and how many weights were not finite."""

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


class Encoder:
    """Encodes chunks of one plan into one file."""

    def __init__(self, plan: Plan, root: Path, output: Path, *, allow_nonfinite: bool) -> None:
        """Open `output`, which must exist at its full size; `root` is the checkpoint's folder."""
        self._plan = plan
        self._reader = TensorReader(root)
        self._file = output.open("r+b", buffering=0)
        self._allow_nonfinite = allow_nonfinite

    def fileno(self) -> int:
        """Return the descriptor of the output, for locking."""
        return self._file.fileno()

    def run(self, chunk: Chunk) -> Done:
        """Encode `chunk` and write it.

        Raises:
            NonFiniteError: a weight is NaN or infinite and that is not allowed.
            QuantcliError: the encoded blocks are not valid.
            OSError: the output cannot be written.
        """
        step = self._plan.steps[chunk.step]
        load = BoundLoad(self._reader, step.sources)
        operation = transform.get(step.op)
        rows = operation.rows(load, step.args, chunk.start, chunk.stop)
        nonfinite = 0 if np.isfinite(rows).all() else int((~np.isfinite(rows)).sum())
        if nonfinite:
            rows = self._admit(step, chunk, rows, nonfinite)
        valid = not nonfinite or step.type not in _NONFINITE_TYPES
        data = self._encode(step, rows, chunk.start, valid=valid)
        offset, length = position(self._plan, chunk)
        if len(data) != length:
            raise AssertionError(f"{step.name}: {len(data)} bytes encoded, {length} planned")
        self._write(offset, data)
        return Done(zlib.crc32(data), nonfinite)

    def close(self) -> None:
        """Close the output."""
        self._file.close()

    def _encode(self, step: Step, rows: FloatArray, first_row: int, *, valid: bool) -> bytes:
        kind = codec.get(step.type)
        try:
            encoded = kind.encode_rows(rows, effort=self._plan.effort)
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
        return encoded.tobytes()

    def _admit(self, step: Step, chunk: Chunk, rows: FloatArray, count: int) -> FloatArray:
        """Return `rows` fit for the step's type, or refuse them."""
        if not self._allow_nonfinite:
            row, column = (int(i) for i in np.argwhere(~np.isfinite(rows))[0])
            file = step.sources[0].file if step.sources else ""
            raise NonFiniteError(step.name, file, count, chunk.start + row, column)
        if step.type in _NONFINITE_TYPES:
            return rows
        finite = np.where(np.isfinite(rows), rows, np.float32(0))
        largest = np.abs(finite).max(axis=-1, keepdims=True)
        return np.where(np.isinf(rows), np.copysign(largest, rows), finite)

    def _write(self, offset: int, data: bytes) -> None:
        self._file.seek(offset)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
