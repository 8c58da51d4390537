"""The one way to open and parse a file that somebody else wrote.

Only regular files are opened, never a FIFO, a socket or a device; what is read whole has a limit;
whatever a parser raises becomes one InputError that names the file.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from quantcli.errors import InputError, QuantcliError, bounded

MEBI = 1 << 20
SETTINGS_LIMIT = 32 * MEBI
"""config.json and its kind; the largest published ones have a few hundred kilobytes."""
TEXT_LIMIT = 8 * MEBI
"""Model cards and chat templates."""
VOCABULARY_LIMIT = 256 * MEBI
"""tokenizer.json and its kind, indexes: the largest published ones have some 40 megabytes."""
PLAN_LIMIT = 1024 * MEBI
"""Saved plans: 400 bytes a tensor, and the vocabulary."""

# JSON takes up to thirty times its length in memory when it is all brackets or short names. Real
# files have fewer than these: a merge of tokenizer.json is a list of two, a token is a member.
_MOST_CONTAINERS = 1_500_000
_MOST_MEMBERS = 1_000_000
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_input(
    path: Path, *, limit: int | None = None, error: type[InputError] = InputError
) -> BinaryIO:
    """Return the regular file at `path`, opened for reading, unbuffered.

    Args:
        path: the file; links are followed.
        limit: most bytes that it may have, for files that are read whole.
        error: class of the error that is raised.

    Raises:
        InputError: there is no such file, it cannot be read, is no regular file or too long.
    """
    try:
        # A FIFO without a writer would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else str(failure)
        raise error(f"cannot be read: {reason}", where=str(path)) from failure
    try:
        _check(os.fstat(descriptor), path, limit, error)
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb", buffering=0)


def _check(status: os.stat_result, path: Path, limit: int | None, error: type[InputError]) -> None:
    """Raise `error` unless `status` is that of a regular file of at most `limit` bytes."""
    if not stat.S_ISREG(status.st_mode):
        what = next((name for test, name in _KINDS if test(status.st_mode)), "something else")
        raise error(f"cannot be read: it is {what}, not a regular file", where=str(path))
    if limit is not None and status.st_size > limit:
        raise error(
            f"has {status.st_size:,} bytes, more than the {limit:,} that such a file may have",
            where=str(path),
            hint="It is damaged or not what its name says.",
        )


def read_input(path: Path, *, limit: int, error: type[InputError] = InputError) -> bytes:
    """Return the bytes of the regular file at `path`, at most `limit` of them.

    Raises:
        InputError: as `open_input`.
    """
    with open_input(path, limit=limit, error=error) as file, boundary(str(path), error=error):
        parts, left = [], limit + 1
        while left and (part := file.read(left)):
            parts.append(part)
            left -= len(part)
        data = b"".join(parts)
    if len(data) > limit:
        raise error(f"grew beyond {limit:,} bytes while it was read", where=str(path))
    return data


def read_text(path: Path, *, limit: int, error: type[InputError] = InputError) -> str:
    """Return the text of the UTF-8 file at `path`, line ends as line feeds.

    Raises:
        InputError: as `open_input`, or not UTF-8.
    """
    data = read_input(path, limit=limit, error=error)
    with boundary(str(path), "is not UTF-8", error=error):
        return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def parse_json(
    data: bytes | str,
    where: str,
    *,
    error: type[InputError] = InputError,
    hint: str | None = None,
) -> Any:
    """Return the JSON value in `data`.

    Raises:
        InputError: not JSON or not UTF-8; nested too deeply; or so many small parts that it would
            take many times its length in memory.
    """
    with boundary(where, "not JSON", error=error, hint=hint):
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        containers = text.count("[") + text.count("{")
        if containers > _MOST_CONTAINERS or text.count('":') > _MOST_MEMBERS:
            raise error(
                f"{containers:,} lists and objects are more than any model needs", where=where
            )
        return json.loads(text)


@contextmanager
def boundary(
    where: str,
    what: str = "cannot be understood",
    *,
    error: type[InputError] = InputError,
    hint: str | None = None,
) -> Iterator[None]:
    """Turn whatever a parser raises inside into one error that names the file.

    Args:
        where: the file.
        what: what is wrong with it, in front of the parser's own words.
        error: class of the error that is raised.
        hint: what the user can do.

    Raises:
        InputError: the parser raised anything but an error of ours or an interruption.
    """
    try:
        yield
    except QuantcliError:
        raise
    except Exception as failure:  # a parser of a stranger's bytes raises anything
        words = str(failure) or type(failure).__name__
        raise error(f"{what}: {bounded(words)}", where=where, hint=hint) from failure
