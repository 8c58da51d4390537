"""How an exception travels from a worker to its parent: by class name and fields, never pickled."""

from __future__ import annotations

import errno
from typing import Any

from quantcli import errors
from quantcli.errors import OutputError, QuantcliError

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


def failure(error: QuantcliError | OSError) -> dict[str, Any]:
    """Return `error` as a JSON-ready record."""
    if isinstance(error, OSError):
        error = from_os_error(error)
    kind = next(cls.__name__ for cls in type(error).__mro__ if hasattr(errors, cls.__name__))
    return {"kind": kind, "message": error.message, "where": error.where, "hint": error.hint}


def revive(record: dict[str, Any]) -> QuantcliError:
    """Return the exception that `failure` described."""
    kind: type[QuantcliError] = getattr(errors, record["kind"])
    return kind(record["message"], where=record["where"], hint=record["hint"])


def from_os_error(error: OSError) -> QuantcliError:
    """Return the user's form of a failed read or write."""
    where = str(error.filename) if error.filename else None
    if error.errno in _NO_SPACE:
        return OutputError(
            "no space left on the device",
            where=where,
            hint="Free some space and run the same command: it goes on where it stopped.",
        )
    return OutputError(error.strerror or str(error), where=where)
