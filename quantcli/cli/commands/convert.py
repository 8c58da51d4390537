"""`quantcli convert`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quantcli.cli import console
from quantcli.cli.options import Jobs, Json, Model, PreTokenizer, Quiet, Strict
from quantcli.errors import UsageError

if TYPE_CHECKING:
    from quantcli.app.convert import Conversion
    from quantcli.planning.plan import Plan


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("convert")(convert)


def convert(
    model: Model,
    type_: Annotated[
        str | None,
        typer.Option(
            "--type",
            "-t",
            metavar="TYPE",
            help="Preset such as Q4_K_M, in any case; an unknown one lists them.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Default: MODEL-TYPE.gguf in the current folder.",
            show_default=False,
        ),
    ] = None,
    plan_file: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="FILE",
            help="Execute a plan saved by `quantcli plan --json`.",
            show_default=False,
        ),
    ] = None,
    jobs: Jobs = None,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace an existing output.")
    ] = False,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing", help="Leave an output that is up to date alone and exit 0."
        ),
    ] = False,
    strict: Strict = False,
    allow_nonfinite: Annotated[
        bool,
        typer.Option(
            "--allow-nonfinite",
            help="Go on with NaN (becomes 0) and infinite weights (the row's largest).",
        ),
    ] = False,
    pre_tokenizer: PreTokenizer = None,
    quiet: Quiet = False,
    json: Json = False,
    chunk_weights: Annotated[int, typer.Option("--chunk-weights", min=1, hidden=True)] = 1 << 20,
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
            pre_tokenizer=pre_tokenizer,
            force=force,
            skip_existing=skip_existing,
            strict=strict,
            allow_nonfinite=allow_nonfinite,
            chunk_weights=chunk_weights,
            progress=update,
            on_plan=lambda made: None if quiet else _announce(made),
        )
    if json:
        typer.echo(result.to_json())
    elif not quiet:
        _summary(result)


def _announce(plan: Plan) -> None:
    """Say on stderr, before the first byte, what is not as the preset would have it."""
    terminal = console.err()
    for note in plan.notes:
        terminal.print(f"note: {note}", style="yellow", markup=False)
    if plan.fallbacks:
        terminal.print(
            f"note: {len(plan.fallbacks)} of {len(plan.steps)} tensors take another type than "
            f"{plan.preset} has for them (`quantcli plan` says which and why)",
            style="yellow",
            markup=False,
        )


def _summary(result: Conversion) -> None:
    done = "up to date" if result.skipped else result.preset
    resumed = f", {console.count(result.resumed)} resumed" if result.resumed else ""
    nonfinite = f", {result.nonfinite} weights not finite" if result.nonfinite else ""
    console.out().print(
        f"{result.output}: {done}, {console.size(result.size)}, "
        f"{console.count(result.weights)} weights, {result.bits_per_weight:.3f} bits per weight, "
        f"{result.fallbacks} fallbacks{resumed}{nonfinite}",
        markup=False,
    )
