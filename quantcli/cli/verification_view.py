"""How `quantcli verify` shows its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantcli import errors
from quantcli.cli import console, table
from quantcli.cli.table import Column

if TYPE_CHECKING:
    from quantcli.app.verify import Verification


def listed(result: Verification) -> str:
    """Return the problems for an error message, the first of them when there are many."""
    count = len(result.problems)
    return errors.listed(
        f"does not pass, {count} {'problem' if count == 1 else 'problems'}:", result.problems
    )


def show(result: Verification) -> None:
    """Print notes on stderr, the errors by type and, if it passed, that it did."""
    for note in result.notes:
        console.note(note)
    if any(check.relative_rmse is not None for check in result.tensors):
        _errors_by_type(result)
    if result.passed:
        what = f"holds what {result.against} says" if result.against else "is sound"
        console.line(f"{result.path}: {what}, {len(result.tensors)} tensors checked")


def _errors_by_type(result: Verification) -> None:
    columns = (
        Column("type"),
        Column("tensors", right=True),
        Column("relative RMSE", right=True),
        Column("worst", right=True),
        Column("bound", right=True),
        Column("worst tensor", prose=True),
    )
    rows = []
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
            rows.append(
                (
                    kind,
                    str(len(errors)),
                    f"{mean:.5f}",
                    f"{errors[worst]:.5f}",
                    f"{bound:.5f}",
                    worst,
                )
            )
    table.show(columns, rows)
