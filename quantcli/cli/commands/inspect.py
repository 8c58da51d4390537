"""`quantcli inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quantcli.cli import console, inspection_view
from quantcli.cli.options import SHOWN, Json
from quantcli.errors import UsageError

_SHORT = "Show what a GGUF file holds, or what a checkpoint is."
_EXAMPLES = """Examples:
quantcli inspect SmolLM2-135M-Instruct-Q4_K_M.gguf
quantcli inspect SmolLM2-135M-Instruct
quantcli inspect SmolLM2-135M-Instruct-Q4_K_M.gguf --key tokenizer.chat_template
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("inspect", short_help=_SHORT, epilog=_EXAMPLES)(inspect)


def inspect(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="GGUF file, folder of a checkpoint, or .safetensors file.",
            show_default=False,
        ),
    ],
    tensors: Annotated[
        bool, typer.Option("--tensors", help="List every tensor.", rich_help_panel=SHOWN)
    ] = False,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="Print the value of one metadata key of a GGUF file, whole: a text as it is, an "
            "array one element a line, its texts as JSON.",
            show_default=False,
            rich_help_panel=SHOWN,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show a GGUF file's metadata, tokenizer and tensors, or what a checkpoint is.

    A checkpoint's inspection says what quantcli would do with it. That it cannot be converted is
    part of the answer, and the exit code is 0.
    """
    from quantcli.app.inspect import inspect as run
    from quantcli.app.inspect_checkpoint import CheckpointInspection
    from quantcli.app.inspection import json_text

    if key is not None and tensors:
        raise UsageError("--key prints one value, --tensors a list: give one of them")
    result = run(path)
    if key is not None:
        if isinstance(result, CheckpointInspection):
            raise UsageError(f"--key looks into GGUF files; {path} is a checkpoint")
        value = result.value(key)
        if json:
            console.json(json_text(value))
        else:
            inspection_view.value(value)
    elif json:
        console.json(result.to_json())
    elif isinstance(result, CheckpointInspection):
        inspection_view.checkpoint(result, tensors=tensors)
    else:
        inspection_view.show(result, tensors=tensors)
