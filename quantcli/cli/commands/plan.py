"""`quantcli plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from quantcli.cli import console
from quantcli.cli.options import Jobs, Json, Model, PreTokenizer, Strict

if TYPE_CHECKING:
    from quantcli.planning.plan import Plan


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("plan")(plan)


def plan(
    model: Model,
    type_: Annotated[
        str,
        typer.Option(
            "--type",
            "-t",
            metavar="TYPE",
            help="Preset such as Q4_K_M, in any case.",
            show_default=False,
        ),
    ],
    jobs: Jobs = None,
    pre_tokenizer: PreTokenizer = None,
    strict: Strict = False,
    json: Json = False,
) -> None:
    """Show what a conversion would do, to the byte, without reading tensor data."""
    from quantcli.app.plan import expected_memory
    from quantcli.app.plan import plan as run
    from quantcli.execute.chunks import CHUNK_WEIGHTS
    from quantcli.execute.cores import available_cores

    made = run(model, type_, pre_tokenizer=pre_tokenizer, strict=strict)
    if json:
        typer.echo(made.to_json())
        return
    _tensors(made)
    memory = expected_memory(made, jobs or available_cores(), CHUNK_WEIGHTS)
    _totals(made, memory)


def _tensors(plan: Plan) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("tensor", "role", "shape", "type"):
        table.add_column(name, no_wrap=True)
    table.add_column("bytes", justify="right", no_wrap=True)
    table.add_column("why another type")
    for step in plan.steps:
        shape = " × ".join(str(n) for n in step.shape)
        table.add_row(step.name, step.role, shape, step.type, f"{step.nbytes:,}", step.fallback)
    console.out().print(table)


def _totals(plan: Plan, memory: int) -> None:
    out = console.out()
    types = sorted({step.type for step in plan.steps})
    tensors = ", ".join(f"{sum(s.type == t for s in plan.steps)} {t}" for t in types)
    out.print()
    for line in (
        f"architecture     {plan.architecture}",
        f"preset           {plan.preset}",
        f"tensors          {len(plan.steps)} ({tensors})",
        f"fallbacks        {len(plan.fallbacks)}",
        f"weights          {plan.weights:,}",
        f"file size        {plan.size:,} bytes ({console.size(plan.size)})",
        f"bits per weight  {plan.bits_per_weight:.3f}",
        f"peak memory      about {console.size(memory)}, mapped input aside",
        f"plan digest      {plan.digest()}",
        *(f"note             {note}" for note in plan.notes),
    ):
        out.print(line, markup=False)
