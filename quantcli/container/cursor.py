"""Reading the primitive values of GGUF from a buffer that may hold anything."""

from __future__ import annotations

import contextlib
import mmap
import struct

from quantcli.container.types import (
    DIMS_LIMIT,
    LENGTH_LIMIT,
    NAME_LIMIT,
    VALUE_FORMATS,
    VALUE_NAMES,
)
from quantcli.errors import ContainerError

ELEMENTS_LIMIT = 2**24
"""Array elements that all metadata together may have. The largest vocabularies have three arrays of
half a million; a Python object for each element of a hostile file would fill the memory."""

_LENGTH = struct.Struct("<Q")
_COUNT = struct.Struct("<I")
# What follows the number of a tensor's dimensions: they, the type, the offset.
_PLACES = tuple(struct.Struct(f"<{count}QIQ") for count in range(DIMS_LIMIT + 1))

_HINT = "The file is damaged, incomplete or not a GGUF file: fetch or make it again."


class Cursor:
    """A position in a buffer. Every read is checked against the buffer's end before it allocates.

    Args:
        data: the buffer.
        where: the file's name for error messages.

    Attributes:
        position: offset of the next byte.
        subject: what is being read ("key general.name"), for error messages.
    """

    def __init__(self, data: mmap.mmap | bytes, where: str) -> None:
        self._data = data
        self._where = where
        self._elements = 0
        self.position = 0
        self.subject = "header"

    @property
    def remaining(self) -> int:
        """Bytes from here to the end."""
        return len(self._data) - self.position

    def fail(self, message: str, at: int | None = None) -> ContainerError:
        """Return the error that says what is wrong at byte `at` (default: here)."""
        offset = self.position if at is None else at
        return ContainerError(
            f"{self.subject}: {message} (at byte {offset})", where=self._where, hint=_HINT
        )

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        end = self.position + count
        if end > len(self._data):
            raise self.fail(f"{count} bytes are needed, the file ends at {len(self._data)}")
        chunk = bytes(self._data[self.position : end])
        self.position = end
        return chunk

    def u32(self) -> int:
        """Return the next 4 bytes as an unsigned integer."""
        return int.from_bytes(self.take(4), "little")

    def u64(self) -> int:
        """Return the next 8 bytes as an unsigned integer."""
        return int.from_bytes(self.take(8), "little")

    def string(self) -> str:
        """Return the next length-prefixed string."""
        start = self.position
        length = self.u64()
        if length > LENGTH_LIMIT:
            raise self.fail(f"a string of {length} bytes is longer than GGUF allows", start)
        raw = self.take(length)
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise self.fail(f"a string is not UTF-8: {error.reason}", start) from error

    def tensor_info(self) -> tuple[str, tuple[int, ...], int, int] | None:
        """Return the next tensor's name, dimensions, number of its type, and offset.

        None where anything is longer than it may be, or ends too early; the position is undefined
        then. Reading value by value says what it was.
        """
        data, start = self._data, self.position
        try:
            (length,) = _LENGTH.unpack_from(data, start)
            end = start + 8 + length
            (count,) = _COUNT.unpack_from(data, end) if length <= NAME_LIMIT else (DIMS_LIMIT + 1,)
            if count > DIMS_LIMIT:
                return None
            *dimensions, number, offset = _PLACES[count].unpack_from(data, end + 4)
            name = data[start + 8 : end].decode()
        except (struct.error, UnicodeDecodeError):
            return None
        self.position = end + 4 + _PLACES[count].size
        return name, tuple(dimensions), number, offset

    def value(self) -> tuple[str, object]:
        """Return (type name, Python value) of the next typed value; arrays are tuples."""
        kind = self._value_type()
        if kind != "array":
            return kind, self._values(kind, 1)[0]
        element = self._value_type()
        start = self.position
        count = self.u64()
        if element == "array":
            raise self.fail("an array of arrays is not allowed", start)
        self._elements += count
        if count > LENGTH_LIMIT or self._elements > ELEMENTS_LIMIT:
            raise self.fail(
                f"an array of {count} elements is more than is accepted "
                f"({ELEMENTS_LIMIT} over all metadata)",
                start,
            )
        return f"array:{element}", self._values(element, count)

    def _strings(self, count: int) -> list[str]:
        """Return the next `count` strings: `string` in one loop, for the sake of vocabularies."""
        data, end, position = self._data, len(self._data), self.position
        texts = []
        with contextlib.suppress(UnicodeDecodeError):
            for _ in range(count):
                start = position + 8
                length = int.from_bytes(data[position:start], "little")
                if length > LENGTH_LIMIT or start + length > end:
                    break
                position = start + length
                texts.append(data[start:position].decode())
                self.position = position
        # `string` says what is wrong with the one that stopped the loop.
        return texts if len(texts) == count else [*texts, self.string()]

    def _value_type(self) -> str:
        start = self.position
        number = self.u32()
        if number not in VALUE_NAMES:
            raise self.fail(f"there is no value type number {number}", start)
        return VALUE_NAMES[number]

    def _values(self, kind: str, count: int) -> tuple[object, ...]:
        start = self.position
        if kind == "string":
            # Each string has at least its length, so a count beyond the file is seen at once.
            if count * 8 > self.remaining:
                raise self.fail(f"{count} strings do not fit the rest of the file")
            return tuple(self._strings(count))
        letter = VALUE_FORMATS[kind]
        raw = self.take(count * struct.calcsize(f"<{letter}"))
        if kind == "bool" and raw.strip(b"\0\1"):
            raise self.fail("a bool is neither 0 nor 1", start)
        return struct.unpack(f"<{count}{letter}", raw)
