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
    │   ├── ImatrixError                  importance matrices
    │   └── PlanError                     saved plans
    ├── OutputError              exit 4   no space, not writable, already there
    └── Interrupted              exit 130 stopped by the user, resumable

An error says what was wrong, where (file, tensor, key, offset) and what to do. Only `quantcli.cli`
turns `exit_code` into a process exit status.

Messages and hints are written with the command line's options (`--force`, `--pre-tokenizer NAME`).
An exception holds them as Python's keywords (`force=True`, `pre_tokenizer=NAME`), since a program
or a notebook reads it as it is; the command line turns them back. Both ways lose nothing, so an
error can be raised again with its texts, or travel between processes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import ClassVar

TRACEBACK = "QUANTCLI_TRACEBACK"
"""Environment variable that lets unexpected exceptions through, with their tracebacks."""
SHOWN = 20
"""Lines of a list that an error shows; the rest is counted."""


def listed(title: str, lines: Iterable[str], *, shown: int = SHOWN) -> str:
    """Return `title` and `lines` below it, indented; beyond the first `shown` only their count."""
    every = list(lines)
    more = [f"… and {len(every) - shown} more"] if len(every) > shown else []
    return "\n  ".join([title, *every[:shown], *more])


def enumerated(items: Iterable[str], *, shown: int = 5) -> str:
    """Return `items` on one line, for notes; beyond the first `shown` only their count."""
    every = list(items)
    more = f" and {len(every) - shown} more" if len(every) > shown else ""
    return ", ".join(every[:shown]) + more


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


OPTIONS = {
    "--against": "against",
    "--allow-nonfinite": "allow_nonfinite",
    "--arch": "arch",
    "--effort": "effort",
    "--exact": "exact",
    "--follow-links": "follow_links",
    "--exclude-weights": "imatrix_exclude",
    "--force": "force",
    "--imatrix": "imatrix",
    "--include-weights": "imatrix_include",
    "--jobs": "jobs",
    "--metadata": "metadata",
    "--model-name": "model_name",
    "--modelfile": "modelfile",
    "--out": "out",
    "--output": "output",
    "--plan": "plan",
    "--pre-tokenizer": "pre_tokenizer",
    "--skip-existing": "skip_existing",
    "--strict": "strict",
    "--type": "preset",
    "--vocab-only": "vocab_only",
}
"""Options of the command line that a text may name, and the keywords they are in Python."""
KEYWORDS = {keyword: option for option, keyword in OPTIONS.items()}
"""The same by keyword."""
FLAGS = frozenset(
    (
        "--allow-nonfinite",
        "--exact",
        "--follow-links",
        "--force",
        "--modelfile",
        "--skip-existing",
        "--strict",
        "--vocab-only",
    )
)
"""Those that take no value; the others are named alone or with one in capitals (--output FILE)."""
_OPTION = re.compile(r"(?<![\w-])(--[a-z]+(?:-[a-z]+)*)(?![\w-])( [A-Z][A-Z_]+\b)?")
_KEYWORD = re.compile(r"`([a-z_]+)`|(?<![\w.])([a-z]+(?:_[a-z]+)*)=(True|[A-Z][A-Z_]+)\b")


def for_python(text: str) -> str:
    """Return `text` with options as Python's keywords: force=True, output=FILE, `output`."""

    def keyword(found: re.Match[str]) -> str:
        option, value = found[1], found[2] or ""
        if option not in OPTIONS:
            return found[0]
        if option in FLAGS:
            return f"{OPTIONS[option]}=True{value}"
        return f"{OPTIONS[option]}={value.strip()}" if value else f"`{OPTIONS[option]}`"

    return _OPTION.sub(keyword, text)


def for_command_line(text: str) -> str:
    """Return `text` with what `for_python` wrote as the command line's options again."""

    def option(found: re.Match[str]) -> str:
        alone, keyword, value = found.groups()
        name = KEYWORDS.get(alone or keyword)
        if name is None:
            return found[0]
        return name if alone or value == "True" else f"{name} {value}"

    return _KEYWORD.sub(option, text)


class QuantcliError(Exception):
    """Base of all errors meant for users.

    Args:
        message: one or more lines: what was wrong; kept `bounded`.
        where: the file (and tensor, key or offset) it concerns.
        hint: what the user can do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.message = for_python(bounded(message))
        super().__init__(self.message)
        self.where = where
        self.hint = None if hint is None else for_python(hint)

    def as_record(self) -> dict[str, str | int | None]:
        """Return the JSON form, with options as on the command line (docs/json.md)."""
        return {
            "kind": type(self).__name__,
            "message": for_command_line(self.message),
            "where": self.where,
            "hint": None if self.hint is None else for_command_line(self.hint),
            "exit_code": self.exit_code,
        }

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n{self.hint}" if self.hint else text


def unexpected(error: Exception) -> QuantcliError:
    """Return the user's form of an exception that nobody foresaw: a fault of quantcli's own."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = ""
    if last is not None:
        file = last.tb_frame.f_code.co_filename.replace(os.sep, "/").rpartition("/")[2]
        place = f" ({file}:{last.tb_lineno})"
    return QuantcliError(
        f"unexpected {type(error).__name__}: {error}{place}",
        hint=f"This is a fault of quantcli. Run it again with {TRACEBACK}=1 and report the output.",
    )


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


class ImatrixError(InputError):
    """An importance matrix is damaged, or of another model."""


class PlanError(InputError):
    """A saved plan cannot be read or does not fit the checkpoint."""


class OutputError(QuantcliError):
    """The output cannot be written: no space, no permission, already there."""

    exit_code = 4


class Interrupted(QuantcliError):
    """The user stopped the run; what is done is kept and the same command goes on."""

    exit_code = 130
