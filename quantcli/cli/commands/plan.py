"""`quantcli plan`."""

from __future__ import annotations

import typer

from quantcli.cli import conversion_view
from quantcli.cli.options import Effort, Jobs, Json, Model, PresetType, PreTokenizer, Strict


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("plan")(plan)


def plan(
    model: Model,
    type_: PresetType,
    jobs: Jobs = None,
    effort: Effort = "normal",
    pre_tokenizer: PreTokenizer = None,
    strict: Strict = False,
    json: Json = False,
) -> None:
    """Show what a conversion would do, to the byte, without reading tensor data."""
    from quantcli.app.plan import expected_memory
    from quantcli.app.plan import plan as run
    from quantcli.execute.chunks import CHUNK_WEIGHTS
    from quantcli.execute.cores import available_cores

    made = run(model, type_, effort=effort, pre_tokenizer=pre_tokenizer, strict=strict)
    if json:
        typer.echo(made.to_json())
        return
    conversion_view.tensors(made)
    memory = expected_memory(made, jobs or available_cores(), CHUNK_WEIGHTS)
    conversion_view.totals(made, memory)
