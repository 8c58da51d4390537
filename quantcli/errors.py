"""Every error that quantcli raises on purpose.

    QuantcliError                exit 1   the conversion or a check failed
    ├── VerificationError        exit 1   a file does not hold what it should
    ├── UsageError               exit 2   the call's options contradict each other
    ├── InputError               exit 3   what the user gave cannot be converted
    │   ├── CheckpointError               safetensors files, indexes, tensors
    │   ├── ConfigError                   config.json and its neighbours
    │   ├── TokenizerError                tokenizer files
    │   ├── ArchitectureError             unknown architecture, missing or left-over tensors
    │   ├── ContainerError                GGUF files
    │   └── PlanError                     saved plans
    ├── OutputError              exit 4   no space, not writable, already there
    └── Interrupted              exit 130 stopped by the user, resumable

An error says what was wrong, where (file, tensor, key, offset) and what to do. Only `quantcli.cli`
turns `exit_code` into a process exit status.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

SHOWN = 20
"""Lines of a list that an error shows; the rest is counted."""


def listed(title: str, lines: Iterable[str], *, shown: int = SHOWN) -> str:
    """Return `title` and `lines` below it, indented; beyond the first `shown` only their count."""
    every = list(lines)
    more = [f"… and {len(every) - shown} more"] if len(every) > shown else []
    return "\n  ".join([title, *every[:shown], *more])


_LONGEST_LINE, _MOST_LINES = 400, 64


def bounded(text: str) -> str:
    """Return `text` with long lines cut and lines beyond the first 64 counted.

    Messages quote what files hold; a file of a stranger must not decide how long they are.
    """
    lines = text.split("\n")
    more = [f"… and {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
    cut = (
        line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"
        for line in lines[:_MOST_LINES]
    )
    return "\n".join([*cut, *more])


class QuantcliError(Exception):
    """Base of all errors meant for users.

    Args:
        message: one or more lines: what was wrong; kept `bounded`.
        where: the file (and tensor, key or offset) it concerns.
        hint: what the user can do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.message = bounded(message)
        super().__init__(self.message)
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n{self.hint}" if self.hint else text


class VerificationError(QuantcliError):
    """A file does not hold what it should."""


class UsageError(QuantcliError):
    """Options contradict each other or name something unknown."""

    exit_code = 2


class InputError(QuantcliError):
    """What the user gave cannot be converted."""

    exit_code = 3


class CheckpointError(InputError):
    """A checkpoint's tensors or index are broken."""


class ConfigError(InputError):
    """config.json or a file beside it lacks something or is not readable."""


class TokenizerError(InputError):
    """The tokenizer's files cannot be exported faithfully."""


class ArchitectureError(InputError):
    """The architecture is unknown, or its table and the checkpoint's tensors do not meet."""


class ContainerError(InputError):
    """A GGUF file breaks the format."""


class PlanError(InputError):
    """A saved plan cannot be read or does not fit the checkpoint."""


class OutputError(QuantcliError):
    """The output cannot be written: no space, no permission, already there."""

    exit_code = 4


class Interrupted(QuantcliError):
    """The user stopped the run; what is done is kept and the same command goes on."""

    exit_code = 130
