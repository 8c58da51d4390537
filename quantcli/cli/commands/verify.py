"""`quantcli verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quantcli.cli import console
from quantcli.cli.options import Jobs, Json, Quiet
from quantcli.errors import VerificationError

if TYPE_CHECKING:
    from quantcli.app.verify import Verification

_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("verify")(verify)


def verify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="GGUF file to check.", show_default=False)
    ],
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="MODEL",
            help="The checkpoint it was made from: compare every key, token and tensor with it.",
            show_default=False,
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Also encode MODEL again and compare every byte. Slow."),
    ] = False,
    jobs: Jobs = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Check a GGUF file's structure, or that it holds what its checkpoint says."""
    from quantcli.app.verify import verify as run

    with console.progress("verifying", quiet=quiet, unit="bytes") as update:
        result = run(file, against, exact=exact, jobs=jobs, progress=update)
    if json:
        typer.echo(result.to_json())
    elif not quiet:
        _summary(result)
    if not result.passed:
        raise VerificationError(_listed(result), where=str(file))


def _listed(result: Verification) -> str:
    more = len(result.problems) - _SHOWN
    lines = [f"does not pass, {len(result.problems)} problems:", *result.problems[:_SHOWN]]
    return "\n  ".join([*lines, f"… and {more} more (all with --json)"] if more > 0 else lines)


def _summary(result: Verification) -> None:
    out = console.out()
    for note in result.notes:
        console.err().print(f"note: {note}", style="yellow", markup=False)
    if any(check.relative_rmse is not None for check in result.tensors):
        out.print(_errors_by_type(result))
    if result.passed:
        what = f"holds what {result.against} says" if result.against else "is sound"
        out.print(f"{result.path}: {what}, {len(result.tensors)} tensors checked", markup=False)


def _errors_by_type(result: Verification) -> object:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("type", no_wrap=True)
    for name in ("tensors", "relative RMSE, mean", "worst", "bound"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("worst tensor", no_wrap=True)
    for kind in sorted({check.type for check in result.tensors}):
        errors = {
            check.name: check.relative_rmse
            for check in result.tensors
            if check.type == kind and check.relative_rmse is not None
        }
        bound = next(check.bound for check in result.tensors if check.type == kind)
        if errors:
            worst = max(errors, key=lambda name: errors[name])
            mean = sum(errors.values()) / len(errors)
            table.add_row(
                kind, str(len(errors)), f"{mean:.5f}", f"{errors[worst]:.5f}", f"{bound:.5f}", worst
            )
    return table
