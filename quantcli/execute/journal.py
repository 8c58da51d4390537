"""The append-only record of finished chunks that makes a conversion resumable.

The file lies beside the partial output. Its first line is a JSON object that names the plan, the
chunk size and the state of the source files; each further line is `NUMBER CHECKSUM` of one
finished chunk, the checksum being that of its encoded bytes (`checksum.py`). A line counts only
when the bytes in the partial file still have that checksum, so neither a torn line, a lost page nor
a crash of the machine lets a wrong byte through: what does not match is encoded again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quantcli.execute.checksum import checksum
from quantcli.execute.chunks import Chunk, position
from quantcli.execute.files import create, forget_cached, open_existing, write_at
from quantcli.execute.sources import SourceState
from quantcli.planning.plan import Plan

# 3: checksums are those of `checksum.py`; 2 had the CRC-32 of the bytes themselves.
_FORMAT = 3


@dataclass(frozen=True, slots=True)
class Heading:
    """What must be equal for a journal's chunks to be usable.

    Attributes:
        plan: digest of the plan.
        options: whatever else changes bytes (allowing non-finite weights).
        chunk_weights: size of the chunks that the numbers refer to.
        sources: the state of every checkpoint file.
    """

    plan: str
    options: str
    chunk_weights: int
    sources: tuple[SourceState, ...]

    def line(self) -> bytes:
        """Return the journal's first line."""
        record = {
            "format": _FORMAT,
            "plan": self.plan,
            "options": self.options,
            "chunk_weights": self.chunk_weights,
            "sources": [state.record() for state in self.sources],
        }
        return json.dumps(record, sort_keys=True).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A journal as found on disk: its chunk size, first line and the checksums by chunk number."""

    chunk_weights: int
    heading: bytes
    checksums: dict[int, int]


def load(path: Path) -> Recorded | None:
    """Return the journal at `path`, or None where there is none or its first line is not ours.

    Raises:
        OutputError: it is no file of ours.
        OSError: it cannot be read.
    """
    descriptor = open_existing(path)
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as file:
        first, *lines = file.read().split(b"\n")
    try:
        chunk_weights = json.loads(first)["chunk_weights"]
    except (ValueError, KeyError, TypeError, RecursionError):
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
    partial: int, plan: Plan, chunks: Sequence[Chunk], checksums: Mapping[int, int]
) -> dict[int, int]:
    """Return those of `checksums` whose bytes in the file open as `partial` still match.

    They are read from the storage, not from the system's memory of what was written.
    """
    good: dict[int, int] = {}
    if checksums:
        forget_cached(partial)
    for number in sorted(checksums):
        if number >= len(chunks):
            continue
        offset, length = position(plan, chunks[number])
        data = os.pread(partial, length, offset)
        if len(data) == length and checksum(np.frombuffer(data, np.uint8)) == checksums[number]:
            good[number] = checksums[number]
    return good


class Journal:
    """An open journal; one writer only."""

    def __init__(self, path: Path, heading: Heading, done: Mapping[int, int]) -> None:
        """Write a journal at `path` that starts with `heading` and the chunks already `done`.

        Raises:
            OutputError, OSError: it cannot be written.
        """
        fresh = path.with_name(path.name + ".new")
        fresh.unlink(missing_ok=True)  # left behind by a run that was killed here
        self._descriptor = create(fresh)
        self._end = 0
        try:
            self._write(heading.line() + b"".join(_line(n, done[n]) for n in sorted(done)))
            fresh.replace(path)
        except BaseException:
            self.close()
            fresh.unlink(missing_ok=True)
            raise

    def append(self, checksums: Iterable[tuple[int, int]]) -> None:
        """Record chunks, as (number, checksum), that are in the partial file."""
        self._write(b"".join(_line(number, checksum) for number, checksum in checksums))

    def close(self) -> None:
        """Close the file; it stays on disk."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, lines: bytes) -> None:
        write_at(self._descriptor, self._end, lines)
        self._end += len(lines)


def _line(number: int, checksum: int) -> bytes:
    return b"%d %08x\n" % (number, checksum)
