"""How a conversion and a plan look to people."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from quantcli.cli import console, table
from quantcli.cli.table import Column

if TYPE_CHECKING:
    from quantcli.app.batch import Batch, BatchItem
    from quantcli.app.convert import Conversion
    from quantcli.planning.plan import Plan, Step

# The preset's type where it is another one, and the reason.
_NOT, _WHY = Column("not"), Column("why", prose=True)


def announce(plan: Plan) -> None:
    """Say on stderr, before the first byte, what is not as the preset would have it."""
    from quantcli.app.plan import fallback_reasons

    for text in (*plan.notes, *fallback_reasons(plan)):
        console.note(text)


def summary(result: Conversion) -> None:
    """Print the one line that says what came out, and on stderr what to do with it."""
    done = "up to date" if result.skipped else result.preset
    fallbacks = f", {result.fallbacks} fallbacks" if result.fallbacks else ""
    resumed = f", {console.count(result.resumed)} resumed" if result.resumed else ""
    nonfinite = f", {result.nonfinite} weights not finite" if result.nonfinite else ""
    console.line(
        f"{result.output}: {done}, {console.size(result.size)}, "
        f"{console.count(result.weights)} weights, {result.bits_per_weight:.3f} bits per weight"
        f"{fallbacks}{resumed}{nonfinite}"
    )
    labels = ("run it:", *["    or:"] * len(result.next_steps))
    for label, command in zip(labels, result.next_steps, strict=False):
        console.hint(label, command)
    if result.modelfile is not None:
        name = shlex.quote(Path(result.output).stem.lower())
        file = shlex.quote(result.modelfile)
        console.hint("Ollama:", f"ollama create {name} -f {file}")


def groups(plan: Plan) -> None:
    """Print how many tensors of each role get which type, and why not the preset's."""
    roles: dict[str, dict[tuple[str, str, str], list[Step]]] = {}
    for step in plan.steps:
        kind = (step.type, step.wanted or "", step.fallback or "")
        roles.setdefault(step.role, {}).setdefault(kind, []).append(step)
    columns = (
        Column("role"),
        Column("type"),
        _NOT,
        Column("tensors", right=True),
        Column("bytes", right=True),
        _WHY,
    )
    rows = [
        (role, name, wanted, f"{len(steps):,}", f"{sum(step.nbytes for step in steps):,}", why)
        for role, found in roles.items()
        for (name, wanted, why), steps in found.items()
    ]
    table.show(columns, rows)


def tensors(plan: Plan) -> None:
    """Print every tensor: type, shape, bytes, and why it is another type."""
    columns = (
        Column("tensor"),
        Column("type"),
        _NOT,
        Column("shape"),
        Column("bytes", right=True),
        _WHY,
    )
    rows = [
        (
            step.name,
            step.type,
            step.wanted or "",
            " × ".join(map(str, step.shape)),
            f"{step.nbytes:,}",
            step.fallback or "",
        )
        for step in plan.steps
    ]
    table.show(columns, rows)


def totals(plan: Plan, memory: int) -> None:
    """Print the sums; `memory` is the expected peak in bytes."""
    types = sorted({step.type for step in plan.steps})
    counts = ", ".join(f"{sum(s.type == t for s in plan.steps)} {t}" for t in types)
    console.lines(
        (
            "",
            f"architecture     {plan.architecture}",
            f"preset           {plan.preset}, effort {plan.effort}",
            f"tensors          {len(plan.steps)} ({counts})",
            f"fallbacks        {len(plan.fallbacks)}",
            f"weights          {plan.weights:,}",
            f"file size        {plan.size:,} bytes ({console.size(plan.size)})",
            f"bits per weight  {plan.bits_per_weight:.3f}",
            f"peak memory      about {console.size(memory)}, mapped input aside",
            f"plan digest      {plan.digest()}",
            *(f"note             {note}" for note in plan.notes),
        )
    )


def item(made: BatchItem, *, quiet: bool) -> None:
    """Say on stderr what there is to know of one file of a batch: notes, or why it failed."""
    if made.error is not None:
        console.fail(made.error)
    elif made.conversion is not None and not quiet:
        for text in made.conversion.notes:
            console.note(f"{made.output}: {text}")


def batch(result: Batch) -> None:
    """Print every file of a batch and what became of it."""
    columns = (
        Column("output"),
        Column("state"),
        Column("size", right=True),
        Column("bits per weight", right=True),
        Column("fallbacks", right=True),
    )
    rows = []
    for made in result.items:
        done = made.conversion
        facts = ("", "", "")
        if done is not None:
            bits = f"{done.bits_per_weight:.2f}"
            facts = (console.size(done.size), bits, f"{done.fallbacks:,}")
        rows.append((made.output, made.state, *facts))
    table.show(columns, rows)
