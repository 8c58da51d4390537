"""`quantcli batch`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quantcli.cli import console, conversion_view
from quantcli.cli.options import (
    OUTPUT,
    AllowNonfinite,
    Effort,
    FollowLinks,
    Jobs,
    Json,
    PresetTypes,
    Quiet,
    Strict,
)
from quantcli.cli.progress import progress
from quantcli.cli.sizes import TYPES
from quantcli.errors import QuantcliError

if TYPE_CHECKING:
    from quantcli.app.batch import BatchItem

_SHORT = "Convert every checkpoint in a folder to several types."
_EXAMPLES = """Examples:
quantcli batch models/ -t Q4_K_M -t Q8_0 --out quantized/
quantcli batch ~/.cache/huggingface/hub -t Q4_K_M --out quantized/ --json
"""
_EPILOG = f"{_EXAMPLES}\n{TYPES}"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("batch", short_help=_SHORT, epilog=_EPILOG)(batch)


def batch(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Folder that holds folders of checkpoints, or the Hub's cache.",
            show_default=False,
        ),
    ],
    types: PresetTypes,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder of the outputs, MODEL-TYPE.gguf. Default: the current folder.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = Path(),
    jobs: Jobs = None,
    effort: Effort = None,
    follow_links: FollowLinks = False,
    strict: Strict = False,
    allow_nonfinite: AllowNonfinite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Convert every checkpoint in a folder to several types, and go on after a failure.

    What is up to date is left alone, and so is what quantcli did not make.
    """
    from quantcli.app.batch import Batch, carry_out, tasks

    items: list[BatchItem] = []
    for task in tasks(folder, types, out):
        with progress(task.output.name, quiet=quiet, json=json) as update:
            item = carry_out(
                task,
                jobs=jobs,
                effort=effort,
                follow_links=follow_links,
                strict=strict,
                allow_nonfinite=allow_nonfinite,
                progress=update,
            )
        items.append(item)
        if not json:
            conversion_view.item(item, quiet=quiet)
    result = Batch(tuple(items))
    if json:
        console.json(result.to_json())
    elif not quiet:
        conversion_view.batch(result)
    if result.failed:
        raise QuantcliError(
            f"{len(result.failed)} of {len(items)} files failed",
            hint="The same command leaves alone what is done.",
        )
