"""What people see: results on stdout, notes and errors on stderr, colour on terminals only.

Everything printed goes through `plain`: texts out of checkpoints and GGUF files can hold what a
terminal acts upon. JSON is the exception, since it escapes by itself, and goes out as UTF-8 in
every locale.
"""

from __future__ import annotations

import codecs
import errno
import io
import json as jsonlib
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from quantcli.errors import QuantcliError, for_command_line

if TYPE_CHECKING:
    from rich.console import Console

FORMAT = 1
"""Version of the errors' JSON form (docs/json.md)."""
_UNITS = ("B", "kB", "MB", "GB", "TB")
# Wider than any line, so that nothing is wrapped where there is no terminal.
_ENDLESS = 1_000_000
# What a terminal without UTF-8 shows for the signs that quantcli itself uses.
_SPELLED = {"×": "x", "…": "...", "²": "^2", "Σ": "sum", "→": "->"}
_HANDLER = "quantcli.spelled"


# ------------------------------------------------------------------------------------- the streams
def set_up_streams() -> None:
    """Make stdout and stderr take any text, also where the terminal's encoding lacks a sign."""
    codecs.register_error(_HANDLER, _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """Replace what the encoding lacks by letters that say the same, else by question marks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(_SPELLED.get(sign, "?") for sign in signs), error.end


def close_streams() -> OSError | None:
    """Flush stdout and return what went wrong; after a failure both streams lead nowhere.

    Python flushes once more at exit, and would print a traceback and exit with a status of its own.
    """
    failure = None
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        failure = error
        abandon(sys.stdout)
    return failure


def abandon(stream: TextIO | None) -> None:
    """Lead `stream`, which cannot be written to any more, into the void."""
    if stream is None:
        return
    with suppress(OSError, ValueError):
        void = os.open(os.devnull, os.O_WRONLY)
        os.dup2(void, stream.fileno())
        os.close(void)


@contextmanager
def spoken() -> Iterator[None]:
    """Run a block that writes to stderr; when nobody can read that, work goes on all the same."""
    try:
        yield
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:
        abandon(sys.stderr)


def out() -> Console:
    """Return the console for results; without a terminal plain text that is never wrapped."""
    return _console(stderr=False)


def err() -> Console:
    """Return the console for progress, notes and errors."""
    return _console(stderr=True)


def is_terminal(*, stderr: bool = False) -> bool:
    """Return whether people read the stream; FORCE_COLOR asks for colours, not for a terminal."""
    stream = sys.stderr if stderr else sys.stdout
    return stream is not None and stream.isatty()


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    class Pipe(Console):
        """A console that leaves it to `quantcli.cli` what a closed pipe means."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    console = Pipe(stderr=stderr, highlight=False)
    if not is_terminal(stderr=stderr):
        console.width = _ENDLESS
    return console


# ------------------------------------------------------------------------------------ what is said
def plain(text: str, *, keep: str = "") -> str:
    r"""Return `text` without anything that a terminal acts upon, on one line.

    Control characters, line separators and signs that change the direction of writing become the
    escapes that Python has for them (`\x1b`); characters in `keep` stay.
    """
    if text.isprintable():
        return text
    return "".join(
        sign
        if sign.isprintable() or sign in keep
        else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )


def line(text: str = "", *, style: str = "") -> None:
    """Print one line of a result, as long as it is."""
    lines([text], style=style)


def lines(texts: Iterable[str], *, style: str = "") -> None:
    """Print lines of a result.

    A reader that closes its pipe has seen enough (`quantcli plan … | head`): what follows is not
    printed, and the command goes on to the exit status that its outcome asks for.
    """
    from rich.text import Text

    printer = out()
    try:
        for text in texts:
            printer.print(Text(plain(text), style=style), soft_wrap=True)
    except BrokenPipeError:
        abandon(sys.stdout)


def note(text: str) -> None:
    """Say on stderr what is worth knowing about the result."""
    from rich.text import Text

    said = Text(f"note: {plain(text)}", style="yellow")
    with spoken():
        err().print(said, soft_wrap=not is_terminal(stderr=True))


def hint(label: str, text: str) -> None:
    """Print on stderr what can be done next: `text` is a command, to be copied as it is."""
    from rich.text import Text

    shown = Text(f"{label} ", style="dim")
    shown.append(plain(text), style="default not dim")
    with spoken():
        err().print(shown, soft_wrap=True)


def json(text: str) -> None:
    """Print a JSON text as one line of UTF-8, whatever the locale says."""
    raw(text)


def raw(text: str) -> None:
    """Print `text` as it is and a line's end, as UTF-8: what a pipe gets of a stored value."""
    try:
        _write(sys.stdout, text)
    except BrokenPipeError:
        abandon(sys.stdout)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    stream.flush()
    # What UTF-8 cannot hold is half of a pair, for which JSON has the very escape of Python.
    data = (text + "\n").encode("utf-8", "backslashreplace")
    if isinstance(stream, io.TextIOWrapper):
        stream.buffer.write(data)
        stream.buffer.flush()
    else:
        stream.write(data.decode("utf-8"))


def fail(error: QuantcliError, *, as_json: bool = False) -> None:
    """Print what went wrong, where, and what to do; a stderr that is closed is no second error."""
    with spoken():
        if as_json:
            _write(sys.stderr, _error_json(error))
        else:
            _fail(error)


def _error_json(error: QuantcliError) -> str:
    return jsonlib.dumps({"format": FORMAT, "error": error.as_record()}, sort_keys=True)


def _fail(error: QuantcliError) -> None:
    from rich.text import Text

    text = Text("error: ", style="bold red")
    if error.where:
        text.append(f"{plain(error.where)}: ", style="bold")
    text.append(plain(for_command_line(error.message), keep="\n"), style="default")
    if error.hint:
        text.append(f"\n{plain(for_command_line(error.hint), keep=chr(10))}", style="yellow")
    err().print(text, soft_wrap=True)


def size(nbytes: float) -> str:
    """Return a byte count as people write it, in decimal units ("105.5 MB")."""
    for unit in _UNITS:
        if nbytes < 1000 or unit == _UNITS[-1]:
            return f"{nbytes:.0f} {unit}" if unit == "B" else f"{nbytes:.1f} {unit}"
        nbytes /= 1000
    raise AssertionError


def count(number: float) -> str:
    """Return a number of weights as people write it ("134.5 M")."""
    for scale, unit in ((1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k")):
        if number >= scale:
            return f"{number / scale:.1f}{unit}"
    return f"{number:.0f}"
