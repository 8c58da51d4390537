"""`quantcli types`."""

from __future__ import annotations

from typing import Annotated

import typer

from quantcli.cli import types_view
from quantcli.cli.options import Effort, Json


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("types")(types)


def types(
    bench: Annotated[
        bool,
        typer.Option(
            "--bench", help="Also measure encoding and decoding on one core of this machine."
        ),
    ] = False,
    effort: Effort = "normal",
    json: Json = False,
) -> None:
    """List every tensor type with its size and its error, measured on the spot."""
    from quantcli.app.types import types as run

    result = run(effort=effort, bench=bench)
    if json:
        typer.echo(result.to_json())
        return
    types_view.show(result)
