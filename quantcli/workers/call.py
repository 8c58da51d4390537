"""A call that any worker of the same version can carry out, and its answer.

What travels is a fingerprint of the package, a function's name and the bytes of its arguments. The
worker compares the fingerprint before it unpickles anything: another version could read the bytes
as something else. Errors travel as records and never as pickled exceptions.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import importlib
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantcli import errors
from quantcli._version import __version__
from quantcli.errors import OutputError, QuantcliError, unexpected

_PACKAGE = "quantcli"
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_NO_FILES = {errno.EMFILE, errno.ENFILE}
_CONTINUES = "run the same command: it goes on where it stopped."


@dataclass(frozen=True, slots=True)
class Call:
    """A function of this package, as "module:name", and its pickled arguments."""

    function: str
    payload: bytes

    @classmethod
    def of(cls, function: Callable[..., Any], *arguments: object) -> Call:
        """Return the call of a function that its module has under its own name."""
        return cls(f"{function.__module__}:{function.__name__}", pickle.dumps(arguments))


Answer = tuple[bool, bytes]
"""(True, the pickled result) or (False, the pickled record of an error)."""


@functools.cache
def fingerprint() -> str:
    """Return the version and a SHA-256 over the package's sources: equal means the same code."""
    home = Path(__file__).resolve().parents[1]
    total = hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        total.update(f"{path.relative_to(home).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return f"{__version__} {total.hexdigest()}"


def perform(expected: str, function: str, payload: bytes) -> Answer:
    """Carry out a call in a worker whose package must have the fingerprint `expected`."""
    if fingerprint() != expected:
        return False, pickle.dumps(failure(other_version(fingerprint(), expected)))
    module, _, name = function.partition(":")
    if module.partition(".")[0] != _PACKAGE:
        return False, pickle.dumps(failure(QuantcliError(f"{function} is none of {_PACKAGE}'s")))
    try:
        arguments = pickle.loads(payload)  # noqa: S301 - from the same code, as was just compared
        return True, pickle.dumps(getattr(importlib.import_module(module), name)(*arguments))
    except (QuantcliError, OSError, MemoryError) as error:
        return False, pickle.dumps(failure(error))
    except Exception as error:  # noqa: BLE001 - whatever it is must not end the worker
        return False, pickle.dumps(failure(unexpected(error)))


def result(answer: Answer) -> Any:
    """Return what the function returned.

    Raises:
        QuantcliError: what it raised.
    """
    good, value = answer
    content = pickle.loads(value)  # noqa: S301 - from a worker that was asked to answer
    if not good:
        raise revive(content)
    return content


def other_version(theirs: str, ours: str) -> QuantcliError:
    """Return the error about a worker with other code."""
    (their_version, *_), (version, *_) = theirs.split(" "), ours.split(" ")
    text = f"a worker has quantcli {their_version}, this is {version}"
    if their_version == version:
        text = f"a worker has other sources of quantcli {version} than this process"
    return QuantcliError(text, hint="Install the same version everywhere and start again.")


def failure(error: QuantcliError | OSError | MemoryError) -> dict[str, Any]:
    """Return `error` as a record of class name and fields."""
    found = described(error)
    kind = next(cls.__name__ for cls in type(found).__mro__ if hasattr(errors, cls.__name__))
    return {"kind": kind, "message": found.message, "where": found.where, "hint": found.hint}


def revive(record: dict[str, Any]) -> QuantcliError:
    """Return the exception that `failure` described."""
    kind: type[QuantcliError] = getattr(errors, record["kind"])
    return kind(record["message"], where=record["where"], hint=record["hint"])


def described(error: QuantcliError | OSError | MemoryError) -> QuantcliError:
    """Return the form in which users are told of an error."""
    if isinstance(error, QuantcliError):
        return error
    if isinstance(error, MemoryError):
        return QuantcliError(
            "there is not enough memory",
            hint=f"Use fewer --jobs, or raise the limit, and {_CONTINUES}",
        )
    where = str(error.filename) if error.filename else None
    text = error.strerror or str(error)
    if error.errno in _NO_SPACE:
        hint = f"Free some space and {_CONTINUES}"
        return OutputError("no space left on the device", where=where, hint=hint)
    if error.errno == errno.EFBIG:
        hint = f"Raise the limit (ulimit -f) or use another file system, and {_CONTINUES}"
        return OutputError("the file is larger than it may be here", where=where, hint=hint)
    if error.errno in _NO_FILES:
        hint = f"Raise the limit (ulimit -n) or use fewer --jobs, and {_CONTINUES}"
        return QuantcliError(text, where=where, hint=hint)
    return OutputError(text, where=where, hint=f"When that is mended, {_CONTINUES}")
