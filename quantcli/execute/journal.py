"""The append-only record of finished chunks that makes a conversion resumable.

The file lies beside the partial output. Its first line is a JSON object that names the plan, the
chunk size and the state of the source files; each further line is `NUMBER CRC32` of one finished
chunk, the checksum being that of the encoded bytes. A line counts only when the bytes in the
partial file still have that checksum, so neither a torn line, a lost page nor a crash of the
machine lets a wrong byte through: what does not match is encoded again.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from quantcli.execute.chunks import Chunk, position
from quantcli.planning.plan import Plan

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Heading:
    """What must be equal for a journal's chunks to be usable.

    Attributes:
        plan: digest of the plan.
        options: whatever else changes bytes (allowing non-finite weights).
        chunk_weights: size of the chunks that the numbers refer to.
        sources: (path, size, modification time in ns) of every checkpoint file.
    """

    plan: str
    options: str
    chunk_weights: int
    sources: tuple[tuple[str, int, int], ...]

    def line(self) -> bytes:
        """Return the journal's first line."""
        record = {
            "format": _FORMAT,
            "plan": self.plan,
            "options": self.options,
            "chunk_weights": self.chunk_weights,
            "sources": self.sources,
        }
        return json.dumps(record, sort_keys=True).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A journal as found on disk: its chunk size, first line and the checksums by chunk number."""

    chunk_weights: int
    heading: bytes
    checksums: dict[int, int]


def load(path: Path) -> Recorded | None:
    """Return the journal at `path`, or None where there is none or its first line is not ours."""
    try:
        first, *lines = path.read_bytes().split(b"\n")
        chunk_weights = json.loads(first)["chunk_weights"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(chunk_weights, int) or chunk_weights < 1:
        return None
    checksums: dict[int, int] = {}
    # Whatever follows the last newline was torn off in the middle.
    for line in lines[:-1]:
        fields = line.split()
        if len(fields) == 2 and fields[0].isdigit() and len(fields[1]) == 8:
            try:
                checksums[int(fields[0])] = int(fields[1], 16)
            except ValueError:
                continue
    return Recorded(chunk_weights, first + b"\n", checksums)


def confirmed(
    partial: Path, plan: Plan, chunks: tuple[Chunk, ...], checksums: dict[int, int]
) -> dict[int, int]:
    """Return those of `checksums` whose bytes in `partial` still match."""
    good: dict[int, int] = {}
    with partial.open("rb") as file:
        for number in sorted(checksums):
            if number >= len(chunks):
                continue
            offset, length = position(plan, chunks[number])
            file.seek(offset)
            data = file.read(length)
            if len(data) == length and zlib.crc32(data) == checksums[number]:
                good[number] = checksums[number]
    return good


class Journal:
    """An open journal; one writer only."""

    def __init__(self, path: Path, heading: Heading, done: dict[int, int]) -> None:
        """Write a journal at `path` that starts with `heading` and the chunks already `done`."""
        lines = [heading.line(), *(_line(number, done[number]) for number in sorted(done))]
        fresh = path.with_name(path.name + ".new")
        fresh.write_bytes(b"".join(lines))
        fresh.replace(path)
        self._file: BinaryIO = path.open("ab", buffering=0)

    def append(self, number: int, checksum: int) -> None:
        """Record that chunk `number` is in the partial file with `checksum`."""
        self._file.write(_line(number, checksum))

    def close(self) -> None:
        """Close the file; it stays on disk."""
        self._file.close()


def _line(number: int, checksum: int) -> bytes:
    return b"%d %08x\n" % (number, checksum)
