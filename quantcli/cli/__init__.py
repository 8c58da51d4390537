"""The command line: parse, call the use case, render. Exit codes are made here and nowhere else."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import NoReturn

import typer

from quantcli.cli import commands, console
from quantcli.errors import QuantcliError

_EPILOG = (
    "Exit codes: 0 done, 1 the conversion or check failed, 2 wrong usage, 3 bad input, "
    "4 no space or not writable, 130 interrupted."
)


def build_app() -> typer.Typer:
    """Return the application with every command found in `quantcli.cli.commands`."""
    app = typer.Typer(
        name="quantcli",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # Boxes and colours are for people; a pipe gets plain text, in half the time.
        rich_markup_mode="rich" if sys.stdout.isatty() else None,
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

        typer.echo(f"quantcli {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False,
        "--version",
        help="Print the version and exit.",
        is_eager=True,
        callback=_version,
    ),
) -> None:
    """Turn a language model's checkpoint straight into one quantized GGUF file."""


def main() -> NoReturn:
    """Run the command line and exit with the status the outcome asks for."""
    try:
        build_app()()
    except QuantcliError as error:
        console.fail(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe had enough (`quantcli inspect … | head`).
        sys.stderr.close()
        sys.exit(0)
    sys.exit(0)
