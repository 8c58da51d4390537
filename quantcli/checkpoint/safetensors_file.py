"""The header of a safetensors file, checked before anything it describes is believed.

Format: 8 bytes little-endian length n, n bytes of JSON mapping each tensor's name to dtype, shape
and data_offsets (relative to the end of the header), then the data without gaps.
"""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeGuard

from quantcli.checkpoint.dtypes import DTYPE_BITS
from quantcli.checkpoint.source import TensorRef
from quantcli.errors import CheckpointError, listed

# The limit of the safetensors library; a longer header is an attack or a broken file.
MAX_HEADER_BYTES = 100_000_000
# The most that any framework stores.
MAX_DIMENSIONS = 64
_SHOWN_DIMENSIONS = 8
_BROKEN = "The file is damaged or incomplete: download or save it again."


def read_header(root: Path, file: str) -> tuple[TensorRef, ...]:
    """Return where every tensor of `root / file` lies, in the header's order.

    Raises:
        CheckpointError: the file is truncated, its header is not what the format says, or tensors
            overlap, leave holes or reach beyond the file. All problems of the tensors are listed.
    """
    path = root / file
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            header, start = _read_json(stream.read(8), stream, size, file)
    except OSError as error:
        raise CheckpointError(f"cannot be read: {error.strerror}", where=file) from error
    items = _unique_items(header, file)
    problems: list[str] = []
    refs = [
        ref
        for name, value in items
        if (ref := _ref(name, value, file, start, problems)) is not None
    ]
    _report(problems, file)
    _report(list(_layout_problems(refs, start, size)), file)
    _open_with_library(path, file)
    return tuple(refs)


def _read_json(prefix: bytes, stream: Any, size: int, file: str) -> tuple[Any, int]:
    if len(prefix) < 8:
        raise CheckpointError(
            f"truncated: {size} bytes, but a safetensors file begins with 8 bytes of header length",
            where=file,
            hint=_BROKEN,
        )
    (length,) = struct.unpack("<Q", prefix)
    if length > size - 8:
        raise CheckpointError(
            f"the header's length, {length} bytes, is more than the file's remaining {size - 8}",
            where=file,
            hint=f"Not a safetensors file, or truncated. {_BROKEN}",
        )
    if length > MAX_HEADER_BYTES:
        raise CheckpointError(
            f"the header's length, {length} bytes, is above the limit of {MAX_HEADER_BYTES}",
            where=file,
            hint="Not a safetensors file, or a hostile one.",
        )
    try:
        header = json.loads(stream.read(length), object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"the header is not JSON: {error}", where=file, hint=_BROKEN
        ) from error
    if not isinstance(header, _Pairs):
        raise CheckpointError("the header is not a JSON object", where=file, hint=_BROKEN)
    return header, 8 + length


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as its pairs, so that a name given twice can be seen."""


def _unique_items(header: _Pairs, file: str) -> list[tuple[str, Any]]:
    counts = Counter(name for name, _ in header)
    doubled = sorted(name for name, count in counts.items() if count > 1)
    if doubled:
        raise CheckpointError(
            listed("the header names these more than once:", map(repr, doubled)),
            where=file,
            hint=_BROKEN,
        )
    return [(name, value) for name, value in header if name != "__metadata__"]


def _ref(name: str, value: Any, file: str, start: int, problems: list[str]) -> TensorRef | None:
    fields = dict(value) if isinstance(value, _Pairs) else {}
    dtype, shape, span = fields.get("dtype"), fields.get("shape"), fields.get("data_offsets")
    if not (isinstance(dtype, str) and _naturals(shape) and _naturals(span) and len(span) == 2):
        problems.append(f"tensor {name!r}: dtype, shape and data_offsets are not well-formed")
        return None
    if dtype not in DTYPE_BITS:
        problems.append(f"tensor {name!r}: unknown dtype {dtype!r}")
        return None
    begin, end = span
    bits = math.prod(shape) * DTYPE_BITS[dtype]
    if bits != 8 * (end - begin):
        problems.append(
            f"tensor {name!r}: {dtype} {_shown(shape)} takes {_bytes(bits)} bytes, "
            f"but its range [{begin}, {end}) holds {end - begin}"
        )
        return None
    return TensorRef(name, dtype, tuple(shape), file, start + begin, end - begin)


def _bytes(bits: int) -> str:
    return str(-(-bits // 8)) if bits < 2**66 else "more than 2**63"


def _shown(shape: list[int]) -> str:
    """Return a shape as Python writes it; of a hostile one the first dimensions."""
    if len(shape) <= _SHOWN_DIMENSIONS:
        return str(tuple(shape))
    first = ", ".join(str(size) for size in shape[:_SHOWN_DIMENSIONS])
    return f"({first}, … {len(shape)} dimensions)"


def _naturals(value: Any) -> TypeGuard[list[int]]:
    """Tell whether `value` is a list of sizes, neither so many nor so large as to be an attack."""
    if type(value) is not list or len(value) > MAX_DIMENSIONS:
        return False
    if not value:
        return True
    # One such list or two for each of perhaps a hundred thousand tensors: no loop in Python.
    return set(map(type, value)) == {int} and min(value) >= 0 and max(value) < 2**63


def _layout_problems(refs: Iterable[TensorRef], start: int, size: int) -> Iterator[str]:
    """Yield what is wrong with the tensors' places: they must fill [start, size) without gaps."""
    position, before = start, "the header"
    for ref in sorted(refs, key=lambda ref: (ref.offset, ref.nbytes)):
        end = ref.offset + ref.nbytes
        if end > size:
            yield f"tensor {ref.name!r}: ends at byte {end}, but the file has {size}"
        if ref.offset < position:
            yield f"tensor {ref.name!r}: overlaps {before}, which ends at byte {position}"
        elif ref.offset > position:
            yield f"tensor {ref.name!r}: a hole of {ref.offset - position} bytes before it"
        if end >= position:
            position, before = end, f"tensor {ref.name!r}"
    if position < size:
        yield f"{size - position} bytes after {before} belong to no tensor"


def _report(problems: list[str], file: str) -> None:
    if problems:
        raise CheckpointError(listed("broken header:", problems), where=file, hint=_BROKEN)


def _open_with_library(path: Path, file: str) -> None:
    """Let the safetensors library have its say: what it refuses is refused."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"the safetensors library refuses it: {error}", where=file, hint=_BROKEN
        ) from error
