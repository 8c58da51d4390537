"""Encoding rows with the importance of their columns, in whatever process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quantcli.codec import Codec
from quantcli.errors import ImatrixError
from quantcli.importance.matrix import Importance, read_imatrix
from quantcli.importance.parts import F32

U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class MatrixSource:
    """Where the files of an importance matrix lie, for a worker to read them itself.

    Attributes:
        paths: the files, absolute.
        digests: SHA-256 of each, so that no worker takes another file of that name.
        include, exclude: as in `Importance`.
    """

    paths: tuple[str, ...]
    digests: tuple[str, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]

    @classmethod
    def of(cls, importance: Importance) -> MatrixSource:
        """Return where `importance` was read from."""
        return cls(
            tuple(str(file.path.absolute()) for file in importance.files),
            tuple(file.digest for file in importance.files),
            importance.include,
            importance.exclude,
        )

    def load(self) -> Importance:
        """Return the matrix.

        Raises:
            ImatrixError: a file cannot be read, or is not what it was.
        """
        matrix = read_imatrix(map(Path, self.paths), include=self.include, exclude=self.exclude)
        for file, digest in zip(matrix.files, self.digests, strict=True):
            if file.digest != digest:
                raise ImatrixError(
                    "has changed since the plan was made",
                    where=str(file.path),
                    hint="Start again with the file as it is now.",
                )
        return matrix


class Weighing:
    """The importance of tensors' columns, read when first asked for; one tensor is remembered.

    Args:
        source: where the matrix lies; None for encoding without.
    """

    def __init__(self, source: MatrixSource | None) -> None:
        self._source = source
        self._matrix: Importance | None = None
        self._last: tuple[str, F32 | None] = ("", None)

    def of(self, name: str, matrices: int, columns: int) -> F32 | None:
        """Return the importance (matrices, columns) of a tensor's columns, None without data."""
        if self._source is None:
            return None
        if self._last[0] != name:
            if self._matrix is None:
                self._matrix = self._source.load()
            self._last = (name, self._matrix.weights(name, matrices, columns))
        return self._last[1]


def encode_rows(
    kind: Codec, rows: F32, effort: str, weights: F32 | None, first: int, height: int
) -> U8:
    """Return rows encoded, each with the importance of its own matrix's columns.

    Args:
        kind: the type.
        rows: float32 (rows, columns).
        effort: as `Codec.encode_rows` takes it.
        weights: float32 (matrices, columns), or None.
        first: number of the first row within the tensor.
        height: rows of one matrix.

    Raises:
        As `Codec.encode_rows`.
    """
    if weights is None:
        return kind.encode_rows(rows, effort=effort)
    parts = [
        kind.encode_rows(rows[start:stop], weights[matrix], effort=effort)
        for matrix, start, stop in _by_matrix(first, len(rows), height)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _by_matrix(first: int, count: int, height: int) -> Iterator[tuple[int, int, int]]:
    """Yield the number of each matrix that the rows reach into, and which of them are its."""
    start = 0
    while start < count:
        matrix = (first + start) // height
        stop = min(count, (matrix + 1) * height - first)
        yield matrix, start, stop
        start = stop
