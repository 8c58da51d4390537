"""Tensor data by position: row and column ranges as float32, from any thread or process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from quantcli.checkpoint.dtypes import READABLE, storage, to_float32
from quantcli.checkpoint.ranges import RangeFile
from quantcli.checkpoint.source import FloatArray, TensorRef
from quantcli.errors import CheckpointError

# Files kept open. Large models have hundreds of shards, a process may have 256 descriptors.
_OPEN_FILES = 16

Stored = npt.NDArray[np.generic]


class TensorReader:
    """Reads tensors of one checkpoint by their references, without looking at headers again.

    Pickles to its folder alone.

    Args:
        root: the checkpoint's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: OrderedDict[str, RangeFile] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[TensorReader], tuple[Path]]:
        return (TensorReader, (self._root,))

    def rows(self, ref: TensorRef, start: int, stop: int) -> FloatArray:
        """Return rows [start, stop) of the tensor seen as (rows, columns), as a new float32 array.

        Raises:
            CheckpointError: the file is gone or shorter than the reference needs, or the dtype
                cannot be read.
            IndexError: the range is not within the tensor.
            QuantcliError: the device fails.
        """
        stored = self.stored(ref, start, stop)
        return cast("FloatArray", stored) if ref.dtype == "F32" else to_float32(stored, ref.dtype)

    def stored(self, ref: TensorRef, start: int, stop: int) -> Stored:
        """Return rows [start, stop) as they lie in the file, a new array; see `rows`."""
        kind = _storage(ref, start, stop, ref.rows)
        out = np.empty((stop - start, ref.columns), kind)
        self._file(ref).read_into(ref.offset + start * ref.columns * kind.itemsize, out)
        return out

    def columns(
        self, ref: TensorRef, start: int, stop: int, first: int = 0, end: int | None = None
    ) -> FloatArray:
        """Return columns [start, stop) of rows [first, end) of the tensor seen as (rows, columns).

        The result is a new float32 array (end - first, stop - start). Raises as `rows` does.
        """
        end = ref.rows if end is None else end
        _storage(ref, first, end, ref.rows)
        kind = _storage(ref, start, stop, ref.columns)
        out = np.empty((end - first, stop - start), kind)
        file, at, width = self._file(ref), start * kind.itemsize, ref.columns * kind.itemsize
        for row in range(end - first):
            file.read_into(ref.offset + (first + row) * width + at, out[row])
        return to_float32(out, ref.dtype)

    def close(self) -> None:
        """Close the files that reading has opened; reading opens them anew."""
        with self._lock:
            while self._files:
                self._files.popitem()[1].close()

    def _file(self, ref: TensorRef) -> RangeFile:
        """Return the open file of a tensor."""
        name = ref.file
        with self._lock:
            file = self._files.get(name)
            if file is None:
                file = self._files[name] = RangeFile(self._root / name, name, CheckpointError)
                if len(self._files) > _OPEN_FILES:
                    self._files.popitem(last=False)
            self._files.move_to_end(name)
        file.require(ref.offset + ref.nbytes, f"tensor {ref.name!r}")
        return file


def _storage(ref: TensorRef, start: int, stop: int, bound: int) -> np.dtype[np.generic]:
    """Return the storage type of a tensor that can be read, whose range [start, stop) there is."""
    if not 0 <= start <= stop <= bound:
        raise IndexError(f"[{start}, {stop}) is not within [0, {bound}) of {ref.name!r}")
    if ref.dtype not in READABLE:
        raise CheckpointError(
            f"tensor {ref.name!r}: values of dtype {ref.dtype} cannot be read",
            where=ref.file,
            hint=f"Readable are {', '.join(READABLE)}.",
        )
    return storage(ref.dtype)


@dataclass(frozen=True, slots=True)
class BoundLoad:
    """The sources of one output tensor: what a transform reads through (see transform.Load).

    Attributes:
        reader: where the bytes come from.
        refs: the sources in the transform's order.
    """

    reader: TensorReader
    refs: tuple[TensorRef, ...]

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Full shapes of the sources, outermost dimension first."""
        return tuple(ref.shape for ref in self.refs)

    def rows(self, source: int, start: int, stop: int) -> FloatArray:
        """Return rows [start, stop) of source number `source` as float32."""
        return self.reader.rows(self.refs[source], start, stop)

    def columns(
        self, source: int, start: int, stop: int, first: int = 0, end: int | None = None
    ) -> FloatArray:
        """Return columns [start, stop) of rows [first, end) of source number `source`."""
        return self.reader.columns(self.refs[source], start, stop, first, end)
