"""How `quantcli archs` shows architectures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantcli.cli import console, table
from quantcli.cli.table import Column

if TYPE_CHECKING:
    from quantcli.app.archs import Arch, Archs
    from quantcli.arch.proofs import Proof


def show(result: Archs) -> None:
    """Print one line an architecture."""
    columns = (
        Column("architecture"),
        Column("cases", right=True),
        Column("logits", right=True),
        Column("converter", right=True),
        Column("classes", prose=True),
    )
    table.show(columns, [_row(each) for each in result.architectures])
    console.line()
    console.line(
        "cases: tiny checkpoints with random weights; logits: in how many llama.cpp gave "
        "transformers' numbers; converter: in how many every tensor and key was compared with "
        "llama.cpp's converter"
    )
    console.line(_versions(result))


def _row(arch: Arch) -> tuple[str, ...]:
    return (arch.name, *_counts(arch.proof), ", ".join(arch.classes))


def detail(result: Archs) -> None:
    """Print all about each architecture."""
    for each in result.architectures:
        _detail(each)
        console.line()
    console.line(_versions(result))


def _detail(arch: Arch) -> None:
    console.line(f"{arch.name}: {arch.about}")
    console.line(f"  classes: {', '.join(arch.classes)}")
    console.line(f"  tokenizer: {arch.tokenizer}")
    found = arch.proof
    if found is None:
        console.line("  proof: none was frozen")
    else:
        worst = "" if found.difference is None else f" (largest difference {found.difference:.1e})"
        console.line(
            f"  proof: {found.cases} tiny checkpoints, {found.logits} with transformers' numbers "
            f"in llama.cpp{worst}, {found.converter} compared with llama.cpp's converter, "
            f"{found.refusals} refused by name"
        )
        for remark in found.remarks:
            console.line(f"    {remark}")
    if arch.settings:
        console.line("  settings of config.json of which llama.cpp has these values only:")
        for setting in arch.settings:
            console.line(f"    {setting.field}: {', '.join(setting.values)}")


def _counts(proof: Proof | None) -> tuple[str, str, str]:
    if proof is None:
        return ("-", "-", "-")
    return (str(proof.cases), str(proof.logits), str(proof.converter))


def _versions(result: Archs) -> str:
    return "proven with " + ", ".join(f"{name} {v}" for name, v in result.versions.items())
