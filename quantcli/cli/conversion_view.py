"""How a conversion and a plan look to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantcli.cli import console

if TYPE_CHECKING:
    from quantcli.app.convert import Conversion
    from quantcli.planning.plan import Plan


def announce(plan: Plan) -> None:
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


def summary(result: Conversion) -> None:
    """Print the one line that says what came out."""
    done = "up to date" if result.skipped else result.preset
    resumed = f", {console.count(result.resumed)} resumed" if result.resumed else ""
    nonfinite = f", {result.nonfinite} weights not finite" if result.nonfinite else ""
    console.out().print(
        f"{result.output}: {done}, {console.size(result.size)}, "
        f"{console.count(result.weights)} weights, {result.bits_per_weight:.3f} bits per weight, "
        f"{result.fallbacks} fallbacks{resumed}{nonfinite}",
        markup=False,
    )


def tensors(plan: Plan) -> None:
    """Print a table of every tensor: role, shape, type, bytes, and why it is another type."""
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


def totals(plan: Plan, memory: int) -> None:
    """Print the sums; `memory` is the expected peak in bytes."""
    out = console.out()
    types = sorted({step.type for step in plan.steps})
    counts = ", ".join(f"{sum(s.type == t for s in plan.steps)} {t}" for t in types)
    out.print()
    for line in (
        f"architecture     {plan.architecture}",
        f"preset           {plan.preset}",
        f"tensors          {len(plan.steps)} ({counts})",
        f"fallbacks        {len(plan.fallbacks)}",
        f"weights          {plan.weights:,}",
        f"file size        {plan.size:,} bytes ({console.size(plan.size)})",
        f"bits per weight  {plan.bits_per_weight:.3f}",
        f"peak memory      about {console.size(memory)}, mapped input aside",
        f"plan digest      {plan.digest()}",
        *(f"note             {note}" for note in plan.notes),
    ):
        out.print(line, markup=False)
