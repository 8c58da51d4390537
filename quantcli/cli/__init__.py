"""The command line: parse, call the use case, render. Exit codes are made here and nowhere else."""

from __future__ import annotations

import errno
import importlib
import os
import pkgutil
import sys
from typing import Any, NoReturn

import typer

from quantcli.cli import commands, console
from quantcli.cli.command import Command, Group, ParserError, usage_error
from quantcli.errors import (
    TRACEBACK,
    InputError,
    Interrupted,
    OutputError,
    QuantcliError,
    UsageError,
    unexpected,
)

_NAME = "quantcli"
_COMPLETION = "_QUANTCLI_COMPLETE"
# What writing to a stream can fail with.
_UNWRITABLE = {errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT}
_EPILOG = """Examples:
quantcli convert SmolLM2-135M-Instruct -t Q4_K_M
quantcli verify SmolLM2-135M-Instruct-Q4_K_M.gguf --against SmolLM2-135M-Instruct

Exit codes:
0 done, 1 the conversion or check failed, 2 wrong usage, 3 bad input,
4 no space, not writable or already there, 130 interrupted
"""


class _App(typer.Typer):
    """An application whose commands are of quantcli's kind."""

    def command(self, *args: Any, **options: Any) -> Any:
        """Register a command, as in typer."""
        return super().command(*args, **{"cls": Command, **options})


def build_app() -> typer.Typer:
    """Return the application with every command found in `quantcli.cli.commands`."""
    app = _App(
        name=_NAME,
        cls=Group,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # see `quantcli.cli.command`
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=_EPILOG,
    )
    app.callback()(_root)
    for module in sorted(info.name for info in pkgutil.iter_modules(commands.__path__)):
        importlib.import_module(f"{commands.__name__}.{module}").register(app)
    return app


def _version(asked: bool) -> None:
    if asked:
        from quantcli._version import __version__

        console.line(f"quantcli {__version__}")
        raise typer.Exit


def _makefile(asked: bool) -> None:
    if asked:
        from pathlib import Path

        console.line(str(Path(__file__).with_name("quantcli.mk")))
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False,
        "--version",
        "-V",
        help="Print the version and exit.",
        is_eager=True,
        callback=_version,
    ),
    makefile: bool = typer.Option(
        False,
        "--makefile",
        help="Print the path of the rules for GNU make: include $(shell quantcli --makefile)",
        is_eager=True,
        callback=_makefile,
    ),
) -> None:
    """Turn a language model's checkpoint straight into one quantized GGUF file."""


def main() -> NoReturn:
    """Run the command line and exit with the status the outcome asks for."""
    console.set_up_streams()
    if os.environ.get(_COMPLETION):
        typer.main.get_command(build_app()).main(prog_name=_NAME)
    sys.exit(_status(sys.argv[1:]))


def _status(arguments: list[str]) -> int:
    """Run one command line and return its exit status, what went wrong having been said."""
    try:
        status = _run(arguments)
    except QuantcliError as caught:
        error = caught
    except KeyboardInterrupt:
        error = Interrupted("stopped")
    except BrokenPipeError:
        # The reader of a pipe had enough (`quantcli inspect … | head`).
        console.abandon(sys.stdout)
        return 0
    except OSError as caught:
        error = _os_error(caught)
    except MemoryError:
        raise  # told by the entry, which has what was being made out of the way by then
    except Exception as caught:
        if os.environ.get(TRACEBACK):
            raise
        error = unexpected(caught)
    else:
        return status
    console.close_streams()
    console.fail(error, as_json="--json" in arguments)
    return error.exit_code


def _run(arguments: list[str]) -> int:
    """Run one command line; what it printed must have been written."""
    status = _dispatch(arguments)
    if (failure := console.close_streams()) is not None:
        raise failure
    return status


def _dispatch(arguments: list[str]) -> int:
    """Parse and run, in the parser's own steps: its `main` has other exit codes and error texts."""
    command = typer.main.get_command(build_app())
    if not arguments:
        with command.make_context(_NAME, [], resilient_parsing=True) as context:
            sys.stderr.write(f"{context.get_help()}\n")
        return UsageError.exit_code
    try:
        with command.make_context(_NAME, list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as done:
        return int(done.exit_code)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except ParserError as error:
        raise usage_error(error) from error
    return 0


def _os_error(error: OSError) -> QuantcliError:
    """Return the user's form of a failure of the system that no room below has put into words."""
    said = error.strerror or str(error)
    if error.filename is not None:
        return InputError(said, where=str(error.filename))
    if error.errno in _UNWRITABLE:
        console.abandon(sys.stdout)
        return OutputError(f"cannot be written: {said}", where="standard output")
    return QuantcliError(said)
