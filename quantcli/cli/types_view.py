"""How `quantcli types` shows the tensor types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantcli.cli import console

if TYPE_CHECKING:
    from quantcli.app.types import Types

_COLUMNS = ("number", "bits per weight", "block", "imatrix", "error Gaussian", "error t(4)")
_SPEEDS = ("encode M/s", "decode M/s")


def show(result: Types) -> None:
    """Print one line per type, and what the columns mean."""
    from rich.table import Table

    benched = any(row.encoded_per_second is not None for row in result.types)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("type")
    for name in (*_COLUMNS, *(_SPEEDS if benched else ())):
        table.add_column(name, justify="right", no_wrap=True)
    for row in result.types:
        rates = (row.encoded_per_second, row.decoded_per_second)
        table.add_row(
            row.name,
            str(row.number),
            f"{row.bits_per_weight:.7g}",
            str(row.block),
            "needed" if row.needs_importance else "",
            _error(row.error_gaussian),
            _error(row.error_heavy),
            *(_millions(rate) for rate in rates if rate is not None),
        )
    out = console.out()
    out.print(table)
    out.print()
    out.print(
        f"error: relative RMSE at effort {result.effort}, without importance matrix, on a standard "
        "Gaussian and on Student-t with 4 degrees of freedom (a small fixed sample)",
        markup=False,
    )
    if benched:
        out.print("M/s: million weights per second of one core's time, on this machine, now")


def _error(value: float) -> str:
    return f"{value:.3g}" if value < 1e-3 else f"{value:.4f}"


def _millions(rate: float) -> str:
    return f"{rate / 1e6:.3g}" if rate < 1e9 else f"{rate / 1e6:.0f}"
