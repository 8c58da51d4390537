"""A strict reader of GGUF files (versions 2 and 3, little-endian) from anywhere.

Everything the C reader rejects is rejected here, and it is checked before anything is allocated:
the header is parsed and bounded by the file's size, tensor data is only ever mapped.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from quantcli.container.cursor import Cursor
from quantcli.container.types import (
    ALIGNMENT,
    ALIGNMENT_KEY,
    DIMS_LIMIT,
    MAGIC,
    NAME_LIMIT,
    TENSOR_TYPES,
    TensorType,
    aligned,
    tensor_bytes,
)
from quantcli.errors import ContainerError
from quantcli.inputs import open_input

VERSIONS = (2, 3)
_ELEMENTS_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class Metadata:
    """One metadata entry.

    Attributes:
        key: full key.
        type: value type name, or "array:" and one.
        value: str, bool, int, float, or a tuple of them.
    """

    key: str
    type: str
    value: object


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor's place in a file.

    Attributes:
        name: its name.
        shape: elements, outermost dimension first.
        type: how its rows are packed.
        offset: absolute byte offset.
        nbytes: bytes without padding.
    """

    name: str
    shape: tuple[int, ...]
    type: TensorType
    offset: int
    nbytes: int

    @property
    def columns(self) -> int:
        """Elements of a row (the innermost dimension)."""
        return self.shape[-1]

    @property
    def rows(self) -> int:
        """Rows over all outer dimensions."""
        return math.prod(self.shape[:-1])

    @property
    def weights(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.nbytes // self.rows


@dataclass(frozen=True, slots=True)
class Contents:
    """What the bytes before the tensor data say.

    Attributes:
        version: format version.
        alignment: alignment of tensor data in bytes.
        entries: metadata by key, in file order.
        tensors: tensors by name, in file order.
        header_end: offset of the first byte after the tensor infos.
        data_start: absolute offset of the tensor data.
    """

    version: int
    alignment: int
    entries: Mapping[str, Metadata]
    tensors: Mapping[str, Tensor]
    header_end: int
    data_start: int


def parse(data: mmap.mmap | bytes, size: int, where: str) -> Contents:
    """Return what the header in `data` says of a file of `size` bytes.

    Raises:
        ContainerError: anything the C reader would reject; the message starts with `where`, names
            key or tensor and the byte offset.
    """
    cursor = Cursor(data, where)
    version = _version(cursor)
    tensor_count, entry_count = _count(cursor, "tensors"), _count(cursor, "metadata entries")
    entries = _entries(cursor, entry_count)
    alignment = _alignment(cursor, entries)
    infos = _infos(cursor, tensor_count)
    header_end = cursor.position
    start = aligned(header_end, alignment)
    tensors = _place(cursor, infos, start, alignment, size)
    return Contents(
        version, alignment, MappingProxyType(entries), MappingProxyType(tensors), header_end, start
    )


class GgufFile:
    """A GGUF file whose header has been read and checked; tensor data stays on the disk.

    Attributes:
        path: the file.
        size: its length in bytes.
        contents: what its header says.

    Raises:
        ContainerError: not readable, or anything the C reader would reject; the message names key
            or tensor and the byte offset.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data = _map_file(path)
        self.size = len(self._data)
        self.contents = parse(self._data, self.size, str(path))

    def __repr__(self) -> str:
        return f"GgufFile({str(self.path)!r})"

    @property
    def entries(self) -> Mapping[str, Metadata]:
        """Metadata by key, in file order."""
        return self.contents.entries

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """Tensors by name, in file order."""
        return self.contents.tensors

    def value(self, key: str, default: object = None) -> object:
        """Return the value of `key`, or `default` when the file lacks it."""
        entry = self.entries.get(key)
        return default if entry is None else entry.value

    @property
    def data_end(self) -> int:
        """Absolute offset where the last tensor's data ends, without padding."""
        # Tensors lie in file order, so the last one ends last.
        ends = [tensor.offset + tensor.nbytes for tensor in self.tensors.values()]
        return ends[-1] if ends else self.contents.data_start

    def rows_bytes(self, name: str, start: int, stop: int) -> npt.NDArray[np.uint8]:
        """Return rows [start, stop) of tensor `name`, still encoded.

        Returns:
            A read-only view uint8 (stop - start, bytes of a row) of the mapped file.

        Raises:
            KeyError: there is no such tensor.
            IndexError: the range is not within the tensor.
        """
        tensor = self.tensors[name]
        if not 0 <= start <= stop <= tensor.rows:
            raise IndexError(f"[{start}, {stop}) is not within [0, {tensor.rows}) of {name!r}")
        width = tensor.row_bytes
        flat = np.frombuffer(
            self._data, np.uint8, (stop - start) * width, tensor.offset + start * width
        )
        return flat.reshape(stop - start, width)

    def bytes_at(self, start: int, stop: int) -> bytes:
        """Return bytes [start, stop) of the file."""
        return bytes(self._data[start:stop])


def _map_file(path: Path) -> mmap.mmap:
    with open_input(path, error=ContainerError) as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            # mmap refuses empty files with a ValueError.
            reason = error.strerror if isinstance(error, OSError) else "the file is empty"
            raise ContainerError(
                f"cannot be read: {reason}", where=str(path), hint="Give the path of a GGUF file."
            ) from error


def _version(cursor: Cursor) -> int:
    magic = cursor.take(4)
    if magic != MAGIC:
        raise cursor.fail(f"it starts with {magic!r}, not with {MAGIC!r}", 0)
    version = cursor.u32()
    if version in VERSIONS:
        return version
    if version and not version & 0xFFFF:
        raise cursor.fail("big-endian files are not supported", 4)
    raise cursor.fail(f"version {version} is not one of {VERSIONS}", 4)


def _count(cursor: Cursor, what: str) -> int:
    start = cursor.position
    count = cursor.u64()
    # The shortest entry and the shortest tensor info take more than 8 bytes.
    if count * 8 > cursor.remaining:
        raise cursor.fail(f"{count} {what} do not fit the file", start)
    return count


def _entries(cursor: Cursor, count: int) -> dict[str, Metadata]:
    entries: dict[str, Metadata] = {}
    for index in range(count):
        cursor.subject = f"metadata entry {index}"
        start = cursor.position
        key = cursor.string()
        if not key:
            raise cursor.fail("the key is empty", start)
        cursor.subject = f"key {key}"
        if key in entries:
            raise cursor.fail("the key is there twice", start)
        entries[key] = Metadata(key, *cursor.value())
    return entries


def _alignment(cursor: Cursor, entries: Mapping[str, Metadata]) -> int:
    entry = entries.get(ALIGNMENT_KEY)
    if entry is None:
        return ALIGNMENT
    value = entry.value
    if entry.type != "uint32" or not isinstance(value, int) or value < 1 or value & (value - 1):
        cursor.subject = f"key {ALIGNMENT_KEY}"
        raise cursor.fail(f"{entry.type} {value!r} is not a power of two as uint32")
    return value


_Info = tuple[str, tuple[int, ...], TensorType, int, int]
"""Name, shape, type, offset relative to the data section, position of the info in the file."""


def _infos(cursor: Cursor, count: int) -> list[_Info]:
    infos: list[_Info] = []
    seen: set[str] = set()
    for index in range(count):
        start = cursor.position
        info = _quick_info(cursor)
        if info is None or info[0] in seen:
            cursor.position = start
            info = _info(cursor, index, seen)
        seen.add(info[0])
        infos.append(info)
    return infos


def _quick_info(cursor: Cursor) -> _Info | None:
    """Return the next tensor info where it is as it should be: there may be a hundred thousand."""
    start = cursor.position
    found = cursor.tensor_info()
    if found is None:
        return None
    name, dimensions, number, offset = found
    # A tensor without dimensions is one element; the file has the innermost dimension first.
    shape, kind = dimensions[::-1] or (1,), TENSOR_TYPES.get(number)
    if kind is None or min(shape) < 1 or math.prod(shape) >= _ELEMENTS_LIMIT:
        return None
    return name, shape, kind, offset, start


def _info(cursor: Cursor, index: int, seen: Collection[str]) -> _Info:
    """Return the next tensor info, or say what is wrong with it."""
    cursor.subject = f"tensor info {index}"
    start = cursor.position
    name = cursor.string()
    if len(name.encode()) > NAME_LIMIT:
        raise cursor.fail(f"the name {name[:80]!r} is longer than {NAME_LIMIT} bytes", start)
    cursor.subject = f"tensor {name}"
    if name in seen:
        raise cursor.fail("the name is there twice", start)
    return name, _shape(cursor), _tensor_type(cursor), cursor.u64(), start


def _shape(cursor: Cursor) -> tuple[int, ...]:
    start = cursor.position
    count = cursor.u32()
    if count > DIMS_LIMIT:
        raise cursor.fail(f"{count} dimensions are more than {DIMS_LIMIT}", start)
    shape = tuple(reversed([cursor.u64() for _ in range(count)])) or (1,)
    if min(shape) < 1 or math.prod(shape) >= _ELEMENTS_LIMIT:
        raise cursor.fail(f"{shape} is not a possible shape", start)
    return shape


def _tensor_type(cursor: Cursor) -> TensorType:
    start = cursor.position
    number = cursor.u32()
    kind = TENSOR_TYPES.get(number)
    if kind is None:
        raise cursor.fail(f"there is no tensor type number {number}", start)
    return kind


def _place(
    cursor: Cursor, infos: list[_Info], data_start: int, alignment: int, size: int
) -> dict[str, Tensor]:
    """Return the tensors at their absolute offsets, which must be exactly sequential."""
    tensors: dict[str, Tensor] = {}
    expected = 0
    for name, shape, kind, offset, at in infos:
        cursor.subject = f"tensor {name}"
        try:
            nbytes = tensor_bytes(kind, shape)
        except ContainerError as error:
            raise cursor.fail(str(error), at) from error
        if offset != expected:
            raise cursor.fail(f"its data is at offset {offset}, not at {expected}", at)
        if data_start + offset + nbytes > size:
            raise cursor.fail(
                f"its data ends at byte {data_start + offset + nbytes}, the file at {size}", at
            )
        tensors[name] = Tensor(name, shape, kind, data_start + offset, nbytes)
        expected = offset + aligned(nbytes, alignment)
    return tensors
