"""How `quantcli verify` shows its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantcli.cli import console

if TYPE_CHECKING:
    from rich.table import Table

    from quantcli.app.verify import Verification

_SHOWN = 20


def listed(result: Verification) -> str:
    """Return the problems for an error message, the first of them when there are many."""
    more = len(result.problems) - _SHOWN
    lines = [f"does not pass, {len(result.problems)} problems:", *result.problems[:_SHOWN]]
    return "\n  ".join([*lines, f"… and {more} more (all with --json)"] if more > 0 else lines)


def show(result: Verification) -> None:
    """Print notes on stderr, the errors by type and, if it passed, that it did."""
    out = console.out()
    for note in result.notes:
        console.err().print(f"note: {note}", style="yellow", markup=False)
    if any(check.relative_rmse is not None for check in result.tensors):
        out.print(_errors_by_type(result))
    if result.passed:
        what = f"holds what {result.against} says" if result.against else "is sound"
        out.print(f"{result.path}: {what}, {len(result.tensors)} tensors checked", markup=False)


def _errors_by_type(result: Verification) -> Table:
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
