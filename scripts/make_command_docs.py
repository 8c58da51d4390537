#!/usr/bin/env python3
"""Write docs/commands.md from the command line's own declarations; a test holds them together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from quantcli.cli import build_app
from quantcli.cli.command import OTHER_SPELLINGS, groups

PAGE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
HEADER = """# Commands

Written by `scripts/make_command_docs.py` from what `quantcli --help` knows; not edited by hand.

"""
FOOTER = """
## What outputs are called

`NAME-TYPE.gguf`, whoever names them: `convert` without `--output` or with a folder, `batch`, and
the rules for make. NAME is what `--model-name` says, else the name of the model's folder, and in
the Hub's cache the repository's; what no file name can hold becomes a hyphen. `--output` may hold
`{name}` and `{type}`, and `{{` and `}}` for braces. An output that is there is kept: `--force`
replaces it, `--skip-existing` replaces it only where it is out of date and was made by quantcli.

## What the bytes depend on

A file's bytes depend on the checkpoint's files, the type, `--effort`, the options under "Model and
metadata", the version of quantcli, and what the model is called: `general.name` and what is derived
from it (`general.basename`, `general.size_label`, …) come from the model card where it says so,
else from the folder's name. With `--model-name` the folder's name does not matter either.

What `--model-name` and `--metadata` set is named in the file under `quantcli.overrides`, and
`quantcli verify --against` takes it from there.

## What is printed where

Results go to stdout; notes, progress, errors and what to do next go to stderr. In a pipe lines are
never wrapped, and a reader may close it early. With `--json` stdout holds one object and stderr,
without a terminal, nothing but an error as JSON ([json.md](json.md)).

| exit code | |
|---|---|
| 0 | done |
| 1 | the conversion or a check failed |
| 2 | wrong usage |
| 3 | bad input |
| 4 | no space, not writable, or the output exists |
| 130 | interrupted; the same command goes on |
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
    arguments = [p.metavar for p in command.params if p.param_type_name == "argument"]
    lines = [
        f"\n## quantcli {name}\n",
        " ".join((command.help or "").split()) + "\n",
        f"    quantcli {' '.join([name, '[OPTIONS]', *arguments])}",
    ]
    context = command.make_context(name, [], resilient_parsing=True)
    for title, parameters in groups(command, context):
        shown = [p for p in parameters if not getattr(p, "hidden", False) and p.name != "help"]
        if shown:
            lines += ["", f"| {title} | |", "|---|---|", *map(row, shown)]
    return "\n".join([*lines, "", *examples(command)]) + "\n"


def row(parameter: Any) -> str:
    """Return the line of a table on one parameter."""
    text = " ".join((parameter.help or "").split()).replace("|", "\\|")
    required = parameter.required and parameter.param_type_name == "option"
    return f"| {usage(parameter.name, parameter)} | {text}{' Required.' * required} |"


def examples(command: Any) -> list[str]:
    """Return the examples of a command's help as a block of shell."""
    _, *lines = (command.epilog or "Examples:").split("\n\n")[0].strip().splitlines()
    return ["```sh", *lines, "```"] if lines else []


def page() -> str:
    """Return the whole page."""
    group: Any = typer.main.get_command(build_app())
    peers = ", ".join(f"`{theirs}` for `{ours}`" for theirs, ours in OTHER_SPELLINGS.items())
    return (
        HEADER
        + f"Spellings of llama.cpp's converter are understood: {peers}.\n"
        + "".join(section(name, group.commands[name]) for name in sorted(group.commands))
        + FOOTER
    )


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.name)


if __name__ == "__main__":
    main()
