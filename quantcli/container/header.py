"""The bytes of a GGUF file (version 3, little-endian) before its tensor data.

The layout is the one of the GGUF specification: magic, version, counts, metadata entries, tensor
infos, zeros up to the alignment. Everything the C reader would reject is refused here already.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

from quantcli.container.types import (
    ALIGNMENT,
    ALIGNMENT_KEY,
    DIMS_LIMIT,
    LENGTH_LIMIT,
    MAGIC,
    NAME_LIMIT,
    TENSOR_TYPES,
    VALUE_FORMATS,
    VALUE_TYPES,
    aligned,
    tensor_bytes,
)
from quantcli.errors import ContainerError

VERSION = 3
_INT64_MAX = 2**63 - 1
T = TypeVar("T")
R = TypeVar("R")


class EntryLike(Protocol):
    """A metadata entry; any object with these three attributes will do."""

    @property
    def key(self) -> str:
        """Full key."""
        ...

    @property
    def type(self) -> str:
        """Value type name, or "array:" and one."""
        ...

    @property
    def value(self) -> object:
        """Python value of that type; arrays are tuples or lists."""
        ...


TensorInfo = tuple[str, tuple[int, ...], int, int]
"""Name, shape in elements (outermost dimension first), tensor type number, unpadded bytes."""


@dataclass(frozen=True, slots=True)
class Header:
    """A finished header and where the tensors go.

    Attributes:
        data: everything before the tensor data, padding included.
        offsets: absolute byte offset of every tensor, in the order given.
        size: length of the whole file in bytes, the last tensor's padding included.
    """

    data: bytes
    offsets: tuple[int, ...]
    size: int


def build_header(
    entries: Sequence[EntryLike], tensors: Sequence[TensorInfo], alignment: int = ALIGNMENT
) -> Header:
    """Return the header of a file with these metadata entries and tensors, in these orders.

    `general.alignment` is added as the last entry when `alignment` is not the default and the
    entries lack it.

    Raises:
        ContainerError: a key, value, name, shape, type or size that GGUF cannot hold; all
            problems together.
    """
    problems: list[str] = []
    packed = _collect(problems, _entry, entries)
    packed += _alignment_entry(entries, alignment, problems)
    _unique("key", (entry.key for entry in entries), problems)
    _unique("tensor", (tensor[0] for tensor in tensors), problems)
    _collect(problems, _check_tensor, tensors)
    if problems:
        raise ContainerError("\n".join(problems), where="GGUF header")
    infos, position = [], 0
    relative = []
    for name, shape, kind, nbytes in tensors:
        infos.append(_tensor_info(name, shape, kind, position))
        relative.append(position)
        position += aligned(nbytes, alignment)
    counts = struct.pack("<IQQ", VERSION, len(tensors), len(packed))
    head = b"".join((MAGIC, counts, *packed, *infos))
    start = aligned(len(head), alignment)
    return Header(head.ljust(start, b"\0"), tuple(start + n for n in relative), start + position)


def pack_value(kind: str, value: object) -> bytes:
    """Return the bytes of `value` as value type `kind`, without the type number.

    Args:
        kind: "string", "bool", "uint32", …, or "array:" and one of these.
        value: str, bool, int, float, or a tuple or list of them.

    Raises:
        ContainerError: the value does not fit the type, or the type is unknown.
    """
    element = kind.removeprefix("array:")
    if element not in VALUE_TYPES or element == "array":
        raise ContainerError(f"unknown value type {kind!r}")
    if element == kind:
        return _pack_elements(element, (value,))
    if not isinstance(value, tuple | list):
        raise ContainerError(f"{kind} needs a tuple, not {type(value).__name__}")
    if len(value) > LENGTH_LIMIT:
        raise ContainerError(f"an array of {len(value)} elements is more than GGUF readers accept")
    return struct.pack("<IQ", VALUE_TYPES[element], len(value)) + _pack_elements(element, value)


def _collect(problems: list[str], check: Callable[[T], R], subjects: Iterable[T]) -> list[R]:
    """Return check(subject) of all subjects; the messages of ContainerErrors go to `problems`."""
    results = []
    for subject in subjects:
        try:
            results.append(check(subject))
        except ContainerError as error:
            problems.append(str(error))
    return results


def _entry(entry: EntryLike) -> bytes:
    if not entry.key:
        raise ContainerError("a metadata key is empty")
    try:
        payload = pack_value(entry.type, entry.value)
    except ContainerError as error:
        raise ContainerError(f"key {entry.key}: {error}") from error
    number = VALUE_TYPES["array" if entry.type.startswith("array:") else entry.type]
    return _string(entry.key) + struct.pack("<I", number) + payload


def _alignment_entry(
    entries: Sequence[EntryLike], alignment: int, problems: list[str]
) -> list[bytes]:
    """Return the entry for `alignment` if it must be added; note what contradicts it."""
    if alignment <= 0 or alignment & (alignment - 1) or alignment >= 2**32:
        problems.append(f"the alignment {alignment} is not a power of two")
        return []
    given = [entry for entry in entries if entry.key == ALIGNMENT_KEY]
    if given and (given[0].type, given[0].value) != ("uint32", alignment):
        problems.append(
            f"key {ALIGNMENT_KEY}: {given[0].type} {given[0].value!r} where the file is laid out "
            f"for uint32 {alignment}"
        )
    if given or alignment == ALIGNMENT:
        return []
    return [_string(ALIGNMENT_KEY) + struct.pack("<II", VALUE_TYPES["uint32"], alignment)]


def _unique(what: str, names: Iterable[str], problems: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            problems.append(f"{what} {name} is given twice")
        seen.add(name)


def _check_tensor(tensor: TensorInfo) -> None:
    name, shape, number, nbytes = tensor
    kind = TENSOR_TYPES.get(number)
    if not name or len(_utf8(name)) > NAME_LIMIT:
        raise ContainerError(f"tensor {name}: a name must have 1 to {NAME_LIMIT} bytes")
    if not 1 <= len(shape) <= DIMS_LIMIT or min(shape) < 1:
        raise ContainerError(f"tensor {name}: {shape} is not a shape of 1 to 4 dimensions")
    if kind is None:
        raise ContainerError(f"tensor {name}: there is no tensor type number {number}")
    try:
        expected = tensor_bytes(kind, shape)
    except ContainerError as error:
        raise ContainerError(f"tensor {name}: {error}") from error
    if expected != nbytes:
        raise ContainerError(f"tensor {name}: {kind.name} has {expected} bytes, not {nbytes}")
    if expected > _INT64_MAX:
        raise ContainerError(f"tensor {name}: the shape {shape} is too large")


def _tensor_info(name: str, shape: tuple[int, ...], kind: int, offset: int) -> bytes:
    # GGUF stores the fastest-varying dimension first.
    dims = struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
    return _string(name) + dims + struct.pack("<IQ", kind, offset)


def _string(text: str) -> bytes:
    raw = _utf8(text)
    return len(raw).to_bytes(8, "little") + raw


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ContainerError(f"the text {text!r} is not valid Unicode: {error.reason}") from error


def _pack_strings(texts: Sequence[str]) -> bytes:
    """Return `_string` of every text: vocabularies have hundreds of thousands."""
    try:
        raws = [text.encode() for text in texts]
    except UnicodeEncodeError:
        raws = [_utf8(text) for text in texts]  # which says what is wrong
    return b"".join([part for raw in raws for part in (len(raw).to_bytes(8, "little"), raw)])


def _pack_elements(kind: str, values: Sequence[object]) -> bytes:
    """Return `values` packed one after the other; `kind` is a scalar type name."""
    accepted = {"string": (str,), "bool": (bool,)}.get(kind) or (
        (int, float) if kind.startswith("float") else (int,)
    )
    # bool is a subclass of int, so types are compared exactly.
    if not set(map(type, values)) <= set(accepted):
        wrong = next(value for value in values if type(value) not in accepted)
        raise ContainerError(f"{wrong!r} is not a {kind}")
    try:
        if kind == "string":
            return _pack_strings(cast("Sequence[str]", values))
        return struct.pack(f"<{len(values)}{VALUE_FORMATS[kind]}", *values)
    except (struct.error, OverflowError) as error:
        raise ContainerError(f"a value does not fit {kind}: {error}") from error
