"""Tensor data by memory map: row and column ranges as float32, from any thread or process."""

from __future__ import annotations

import math
import mmap
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quantcli.checkpoint.dtypes import READABLE, storage, to_float32
from quantcli.checkpoint.source import FloatArray, TensorRef
from quantcli.errors import CheckpointError


class TensorReader:
    """Reads tensors of one checkpoint by their references, without looking at headers again.

    Files are mapped on first use, shared and read-only, so mapped pages belong to the page cache
    and not to the process. Pickles to its folder alone.

    Args:
        root: the checkpoint's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._maps: dict[str, mmap.mmap] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[TensorReader], tuple[Path]]:
        return (TensorReader, (self._root,))

    def rows(self, ref: TensorRef, start: int, stop: int) -> FloatArray:
        """Return rows [start, stop) of the tensor seen as (rows, columns), as a new float32 array.

        Raises:
            CheckpointError: the file is gone or shorter than the reference needs, or the dtype
                cannot be read.
            IndexError: the range is not within the tensor.
        """
        return to_float32(self._view(ref, start, stop, ref.rows)[start:stop], ref.dtype)

    def columns(self, ref: TensorRef, start: int, stop: int) -> FloatArray:
        """Return columns [start, stop) of the tensor seen as (rows, columns).

        The result is a new float32 array (rows, stop - start). Raises as `rows` does.
        """
        return to_float32(self._view(ref, start, stop, ref.columns)[:, start:stop], ref.dtype)

    def _view(self, ref: TensorRef, start: int, stop: int, bound: int) -> npt.NDArray[np.generic]:
        if not 0 <= start <= stop <= bound:
            raise IndexError(f"[{start}, {stop}) is not within [0, {bound}) of {ref.name!r}")
        if ref.dtype not in READABLE:
            raise CheckpointError(
                f"tensor {ref.name!r}: values of dtype {ref.dtype} cannot be read",
                where=ref.file,
                hint=f"Readable are {', '.join(READABLE)}.",
            )
        data = self._map(ref.file)
        if ref.offset + ref.nbytes > len(data):
            raise CheckpointError(
                f"tensor {ref.name!r}: needs bytes up to {ref.offset + ref.nbytes}, "
                f"the file has {len(data)}",
                where=ref.file,
                hint="The file has changed since it was checked: start again.",
            )
        count = math.prod(ref.shape)
        flat = np.frombuffer(data, storage(ref.dtype), count, ref.offset)
        return flat.reshape(ref.rows, ref.columns)

    def _map(self, file: str) -> mmap.mmap:
        with self._lock:
            if file not in self._maps:
                self._maps[file] = _map_file(self._root / file, file)
            return self._maps[file]


def _map_file(path: Path, file: str) -> mmap.mmap:
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot be mapped: {error}", where=file) from error


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

    def columns(self, source: int, start: int, stop: int) -> FloatArray:
        """Return columns [start, stop) of source number `source` as float32."""
        return self.reader.columns(self.refs[source], start, stop)
