"""How `quantcli types` shows presets and tensor types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantcli.cli import console, table
from quantcli.cli.table import Column

if TYPE_CHECKING:
    from quantcli.app.types import Types

_NUMBERS = ("number", "bits per weight", "block", "imatrix", "error Gaussian", "error t(4)")
_SPEEDS = ("encode M/s", "decode M/s")


def show(result: Types) -> None:
    """Print one line per preset, one per type, and what the columns mean."""
    benched = any(row.encoded_per_second is not None for row in result.types)
    _presets(result)
    console.line()
    columns = [Column(name, right=True) for name in (*_NUMBERS, *(_SPEEDS if benched else ()))]
    rows = []
    for row in result.types:
        rates = (row.encoded_per_second, row.decoded_per_second)
        rows.append(
            (
                row.name,
                str(row.number),
                f"{row.bits_per_weight:.7g}",
                str(row.block),
                "needed" if row.needs_importance else "",
                _error(row.error_gaussian),
                _error(row.error_heavy),
                *(_millions(rate) for rate in rates if rate is not None),
            )
        )
    table.show([Column("type"), *columns], rows)
    console.line()
    console.line(
        f"error: relative RMSE at effort {result.effort}, without importance matrix, on a standard "
        "Gaussian and on Student-t with 4 degrees of freedom (a small fixed sample)"
    )
    if benched:
        console.line("M/s: million weights per second of one core's time, on this machine, now")


def _presets(result: Types) -> None:
    columns = (
        Column("preset"),
        Column("bits per weight", right=True),
        Column(result.reference, right=True),
        Column("mostly"),
        Column("also called", prose=True),
    )
    rows = [
        (
            preset.name,
            f"{preset.bits_per_weight:.2f}",
            console.size(preset.size),
            preset.type,
            ", ".join(preset.aliases),
        )
        for preset in result.presets
    ]
    table.show(columns, rows)


def _error(value: float) -> str:
    return f"{value:.3g}" if value < 1e-3 else f"{value:.4f}"


def _millions(rate: float) -> str:
    return f"{rate / 1e6:.3g}" if rate < 1e9 else f"{rate / 1e6:.0f}"
