"""`quantcli convert`."""

from __future__ import annotations

import typer

from quantcli.cli import console, conversion_view
from quantcli.cli.options import (
    AllowNonfinite,
    ChunkWeights,
    Effort,
    Engine,
    Force,
    Jobs,
    Json,
    Model,
    OptionalPresetType,
    Output,
    PlanFile,
    PreTokenizer,
    Quiet,
    SkipExisting,
    Strict,
)
from quantcli.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("convert")(convert)


def convert(
    model: Model,
    type_: OptionalPresetType = None,
    output: Output = None,
    plan_file: PlanFile = None,
    jobs: Jobs = None,
    engine: Engine = None,
    effort: Effort = "normal",
    force: Force = False,
    skip_existing: SkipExisting = False,
    strict: Strict = False,
    allow_nonfinite: AllowNonfinite = False,
    pre_tokenizer: PreTokenizer = None,
    quiet: Quiet = False,
    json: Json = False,
    chunk_weights: ChunkWeights = 1 << 20,
) -> None:
    """Convert a checkpoint to one quantized GGUF file; interrupted, the same command goes on."""
    from quantcli.app.convert import convert as run
    from quantcli.app.plan import load_plan

    if (type_ is None) == (plan_file is None):
        raise UsageError("give either --type or --plan", hint="For example: -t Q4_K_M")
    plan = load_plan(plan_file) if plan_file is not None else None
    with console.progress("converting", quiet=quiet) as update:
        result = run(
            model,
            type_,
            output,
            plan=plan,
            jobs=jobs,
            engine=engine,
            effort=effort,
            pre_tokenizer=pre_tokenizer,
            force=force,
            skip_existing=skip_existing,
            strict=strict,
            allow_nonfinite=allow_nonfinite,
            chunk_weights=chunk_weights,
            progress=update,
            on_plan=lambda made: None if quiet else conversion_view.announce(made),
            on_note=lambda text: typer.echo(f"note: {text}", err=True),
        )
    if json:
        typer.echo(result.to_json())
    elif not quiet:
        conversion_view.summary(result)
