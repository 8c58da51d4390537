"""`quantcli archs`."""

from __future__ import annotations

from typing import Annotated

import typer

from quantcli.cli import archs_view, complete, console
from quantcli.cli.options import Json

_SHORT = "List the architectures, their classes and proofs."
_EXAMPLES = """Examples:
quantcli archs
quantcli archs qwen2moe
quantcli archs Gemma3ForCausalLM --json
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("archs", short_help=_SHORT, epilog=_EXAMPLES)(archs)


def archs(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="A GGUF architecture or a Hugging Face class; default all.",
            show_default=False,
            autocompletion=complete.architectures,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List the architectures that can be converted, the classes they cover, and their proofs."""
    from quantcli.app.archs import archs as run

    result = run(name)
    if json:
        console.json(result.to_json())
    elif name is None:
        archs_view.show(result)
    else:
        archs_view.detail(result)
