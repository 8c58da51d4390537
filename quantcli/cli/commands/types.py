"""`quantcli types`."""

from __future__ import annotations

from typing import Annotated

import typer

from quantcli.cli import console, types_view
from quantcli.cli.options import Effort, Json

_SHORT = "List presets and tensor types by size and error."
_EXAMPLES = """Examples:
quantcli types
quantcli types --bench --effort best
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("types", short_help=_SHORT, epilog=_EXAMPLES)(types)


def types(
    bench: Annotated[
        bool,
        typer.Option(
            "--bench", help="Also measure encoding and decoding on one core of this machine."
        ),
    ] = False,
    effort: Effort = None,
    json: Json = False,
) -> None:
    """List presets by size, and every tensor type with its error, measured on the spot."""
    from quantcli.app.plan import DEFAULT_EFFORT
    from quantcli.app.types import types as run

    result = run(effort=effort or DEFAULT_EFFORT, bench=bench)
    if json:
        console.json(result.to_json())
        return
    types_view.show(result)
