#!/usr/bin/env python3
"""Write docs/commands.md from the command line's own declarations; a test holds them together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from quantcli.cli import build_app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
HEADER = """# Commands

Written by `scripts/make_command_docs.py` from what `quantcli --help` knows; not edited by hand.
"""


def usage(name: str, parameter: Any) -> str:
    """Return how a parameter is written: its name, or its spellings and what they take."""
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or name.upper()}`"
    spelled = ", ".join(sorted(parameter.opts, key=len))
    # Declared without a word for their value are counts, and choices that have a default.
    word = name.upper() if isinstance(parameter.default, str) else "N"
    takes = "" if parameter.is_flag else f" {parameter.metavar or word}"
    return f"`{spelled}{takes}`"


def section(name: str, command: Any) -> str:
    """Return the part of the page on one command."""
    shown = [p for p in command.params if not getattr(p, "hidden", False)]
    arguments = [p.metavar or p.name.upper() for p in shown if p.param_type_name == "argument"]
    lines = [
        f"\n## quantcli {name}\n",
        " ".join((command.help or "").split()) + "\n",
        f"    quantcli {' '.join([name, '[OPTIONS]', *arguments])}\n",
        "| | |\n|---|---|",
    ]
    for parameter in shown:
        text = " ".join((parameter.help or "").split()).replace("|", "\\|")
        required = parameter.required and parameter.param_type_name == "option"
        lines.append(f"| {usage(parameter.name, parameter)} | {text}{' Required.' * required} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the whole page."""
    group: Any = typer.main.get_command(build_app())
    return HEADER + "".join(section(name, group.commands[name]) for name in sorted(group.commands))


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.name)


if __name__ == "__main__":
    main()
