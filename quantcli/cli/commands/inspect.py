"""`quantcli inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quantcli.cli import inspection_view
from quantcli.cli.options import Json


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("inspect")(inspect)


def inspect(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="GGUF file to look into.", show_default=False)
    ],
    tensors: Annotated[bool, typer.Option("--tensors", help="List every tensor.")] = False,
    json: Json = False,
) -> None:
    """Show a GGUF file's metadata, tokenizer, tensors by type and sizes."""
    from quantcli.app.inspect import inspect as run

    result = run(file)
    if json:
        typer.echo(result.to_json())
        return
    inspection_view.show(result, tensors=tensors)
