"""Reading the two formats of importance matrices: GGUF, and the older .dat.

Source: llama.cpp's tools/imatrix and tools/quantize, which write and read them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from quantcli.container.reader import GgufFile
from quantcli.container.types import MAGIC
from quantcli.errors import ImatrixError, listed
from quantcli.importance.parts import F32, ImatrixFile, Sums
from quantcli.inputs import open_input

# The matrix of a model with 100 layers of 256 experts has half a gigabyte.
_LIMIT = 8 << 30
_BLOCK = 1 << 22
_SUFFIXES = (".in_sum2", ".counts")
_NEEDED = ("imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size")
# Tokens of a chunk where a .dat file counts chunks: the default of the tool that wrote it.
_CHUNK = 512
_MAKE = "Make it again with llama-imatrix."


def read_file(path: Path) -> ImatrixFile:
    """Return what the importance matrix in the file at `path` holds.

    Raises:
        ImatrixError: not readable, neither of the formats, cut, or with values that are not finite
            or negative; tensors are listed.
    """
    digest, size, start = _digest(path)
    if start == MAGIC:
        return _checked(_gguf(path, size, digest))
    return _checked(_legacy(path, size, digest))


def _digest(path: Path) -> tuple[str, int, bytes]:
    """Return the file's SHA-256, its length, and its first four bytes."""
    hasher, size, start = hashlib.sha256(), 0, b""
    with open_input(path, limit=_LIMIT, error=ImatrixError) as file:
        while block := file.read(_BLOCK):
            start = start or block[:4]
            hasher.update(block)
            size += len(block)
    return hasher.hexdigest(), size, start


# ------------------------------------------------------------------------------------------ GGUF
def _gguf(path: Path, size: int, digest: str) -> ImatrixFile:
    file = GgufFile(path)
    lacking = [key for key in _NEEDED if file.value(key) is None]
    if lacking:
        kind = file.value("general.architecture")
        raise ImatrixError(
            f"is a GGUF file without {', '.join(lacking)}"
            + (f": a model ({kind}), not an importance matrix" if kind is not None else ""),
            where=str(path),
            hint="--imatrix takes what llama-imatrix writes.",
        )
    names = dict.fromkeys(
        name.removesuffix(suffix)
        for name in file.tensors
        for suffix in _SUFFIXES
        if name.endswith(suffix)
    )
    problems = [text for name in names for text in _problems(file, name)]
    if problems:
        raise ImatrixError(
            listed("the importance matrix is damaged:", problems), where=str(path), hint=_MAKE
        )
    datasets = file.value("imatrix.datasets")
    return ImatrixFile(
        path,
        size,
        digest,
        tuple(str(name) for name in datasets) if isinstance(datasets, tuple) else (),
        _natural(file.value("imatrix.chunk_count")),
        _natural(file.value("imatrix.chunk_size")),
        {
            name: Sums(
                _values(file, f"{name}.in_sum2"),
                np.rint(_values(file, f"{name}.counts")).astype(np.float64),
            )
            for name in names
        },
    )


def _problems(file: GgufFile, name: str) -> Iterator[str]:
    """Give what is wrong with the two tensors of one entry."""
    for suffix in _SUFFIXES:
        tensor = file.tensors.get(name + suffix)
        if tensor is None:
            yield f"{name} has no {suffix[1:]}"
        elif tensor.type.name != "F32":
            yield f"{name}{suffix} is {tensor.type.name}, not F32"
    squares, counts = (file.tensors.get(name + suffix) for suffix in _SUFFIXES)
    if squares and counts and (not counts.weights or squares.weights % counts.weights):
        yield f"{name} has {squares.weights} sums for {counts.weights} counts"


def _values(file: GgufFile, name: str) -> F32:
    tensor = file.tensors[name]
    return file.rows_bytes(name, 0, tensor.rows).reshape(-1).view("<f4")


def _natural(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


# ------------------------------------------------------------------------------------------- .dat
class _Bytes:
    """The bytes of a .dat file, taken from the front."""

    def __init__(self, data: np.memmap[tuple[int], np.dtype[np.uint8]], path: Path) -> None:
        self._data, self._path, self.position = data, path, 0

    @property
    def left(self) -> int:
        return len(self._data) - self.position

    def take(self, count: int, what: str) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        if not 0 <= count <= self.left:
            raise ImatrixError(
                f"no importance matrix, or a cut one: {what} at byte {self.position} needs "
                f"{count} bytes, {self.left} are left",
                where=str(self._path),
                hint=_MAKE,
            )
        taken = self._data[self.position : self.position + count]
        self.position += count
        return taken

    def integer(self, what: str) -> int:
        (value,) = struct.unpack("<i", self.take(4, what).tobytes())
        return int(value)

    def text(self, what: str) -> str:
        return self.take(self.integer(what), what).tobytes().decode("utf-8", "replace")


def _legacy(path: Path, size: int, digest: str) -> ImatrixFile:
    if size < 4:
        raise ImatrixError("is no importance matrix: it is empty", where=str(path), hint=_MAKE)
    data = _Bytes(np.memmap(path, np.uint8, "r"), path)
    sums: dict[str, Sums] = {}
    for number in range(max(0, data.integer("the number of entries"))):
        name = data.text(f"the name of entry {number}")
        calls = data.integer(f"the calls of {name!r}")
        count = data.integer(f"the length of {name!r}")
        values = data.take(4 * max(0, count), f"the values of {name!r}").view("<f4")
        # The file holds means times calls; with sums over tokens it can be merged with others.
        tokens = float(max(calls, 1) * _CHUNK)
        scale = np.float32(tokens / max(calls, 1))
        sums[name] = Sums(values * scale, np.array([tokens]))
    if not sums:
        raise ImatrixError("is no importance matrix: no entries", where=str(path), hint=_MAKE)
    chunks = data.integer("the number of chunks") if data.left >= 4 else 0
    dataset = data.text("the dataset") if data.left >= 4 else ""
    datasets = (dataset,) if dataset else ()
    return ImatrixFile(path, size, digest, datasets, max(0, chunks), _CHUNK, sums)


def _checked(file: ImatrixFile) -> ImatrixFile:
    """Return the file; raise ImatrixError for values that no sum of squares can have."""
    wrong = [
        name
        for name, sums in file.sums.items()
        if not (np.isfinite(sums.squares).all() and np.isfinite(sums.counts).all())
        or (len(sums.squares) and float(sums.squares.min()) < 0)
    ]
    if wrong:
        raise ImatrixError(
            listed("values that are not finite, or negative, of", wrong),
            where=str(file.path),
            hint="The calibration met an overflow: make the matrix again from an F32 or BF16 file.",
        )
    return file
