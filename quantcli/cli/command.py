"""What all commands share: grouped help with examples, peers' spellings, options given once.

typer draws boxes on terminals and a flat list in pipes; this help is the same text in both, so that
it can be read in a pager, and needs no library that is slow to import.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from quantcli.errors import UsageError

OTHER_SPELLINGS = {"--outfile": "--output", "--outtype": "--type"}
"""Spellings of llama.cpp's converter that mean the same here; not shown in the help."""
SKIP_BY_CONTENTS = "--skip-existing=verify"
"""A flag with a value, which the parser does not have: to it, it is one flag more."""
_OPTIONS = "Options"
_HINTS = {
    "--type": "One file has one type; `quantcli batch` makes files of several types.",
}
# The base of all errors that the parser itself raises. It lies in `click` or, newer, inside typer.
ParserError: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


class Group(TyperGroup):
    """The application: its commands, and what the parser has to say in quantcli's words."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, what each does in one whole sentence."""
        commands = [self.get_command(ctx, name) for name in self.list_commands(ctx)]
        rows = [
            (command.name, command.short_help or _sentence(command.help))
            for command in commands
            if command is not None and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - typer's signature
        """Write the examples and the exit codes as they are, without filling paragraphs."""
        _write_epilog(self.epilog, formatter)


class Command(TyperCommand):
    """A command; its epilog holds examples, one a line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse with peers' spellings understood and no option silently overriding itself.

        Raises:
            UsageError: an option that takes one value is given twice.
        """
        args = list(_own_spellings(args))
        if not ctx.resilient_parsing:
            self._refuse_repeated(ctx, args)
        return list(super().parse_args(ctx, args))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options in the groups that their declarations name."""
        for title, parameters in groups(self, ctx):
            records = (parameter.get_help_record(ctx) for parameter in parameters)
            rows = [record for record in records if record is not None]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - typer's signature
        """Write the examples as they are."""
        _write_epilog(self.epilog, formatter)

    def _refuse_repeated(self, ctx: Any, args: Sequence[str]) -> None:
        """Refuse what the parser would answer by taking the last."""
        *_, order = self.make_parser(ctx).parse_args(args=list(args))
        counts = Counter(id(parameter) for parameter in order)
        parameters: list[Any] = self.get_params(ctx)
        for parameter in parameters:
            takes_one = parameter.param_type_name == "option" and not (
                parameter.multiple or parameter.is_flag
            )
            if takes_one and counts[id(parameter)] > 1:
                name = max(parameter.opts, key=len)
                raise UsageError(
                    f"{name} is given {counts[id(parameter)]} times",
                    hint=_HINTS.get(name, "Give it once."),
                )


def groups(command: Any, ctx: Any) -> list[tuple[str, list[Any]]]:
    """Return the groups of a command's help, arguments first, each with its parameters."""
    found: dict[str, list[Any]] = {}
    for parameter in command.get_params(ctx):
        if parameter.param_type_name == "argument":
            title = "Arguments"
        else:
            title = getattr(parameter, "rich_help_panel", None) or _OPTIONS
        found.setdefault(title, []).append(parameter)
    # Options without a group, --help and what every command has, come last.
    return sorted(found.items(), key=lambda item: item[0] == _OPTIONS)


def usage_error(error: Any) -> UsageError:
    """Return what the parser found wrong, in the form of all errors."""
    message = str(error.format_message()).rstrip(".")
    path = getattr(getattr(error, "ctx", None), "command_path", "quantcli")
    return UsageError(
        message[:1].lower() + message[1:], hint=f"`{path} --help` lists what there is."
    )


def _sentence(text: str | None) -> str:
    """Return the first paragraph of a help on one line."""
    return " ".join((text or "").split("\n\n")[0].split())


def _own_spellings(args: Sequence[str]) -> Iterator[str]:
    """Yield the arguments with peers' spellings replaced, up to a `--`."""
    rest = iter(args)
    for argument in rest:
        if argument == SKIP_BY_CONTENTS:
            yield SKIP_BY_CONTENTS.replace("=", "-")
            continue
        name, equals, value = argument.partition("=")
        yield OTHER_SPELLINGS.get(name, name) + equals + value
        if argument == "--":
            yield from rest


def _write_epilog(epilog: str | None, formatter: Any) -> None:
    if not epilog:
        return
    for paragraph in epilog.split("\n\n"):
        title, *lines = paragraph.strip().splitlines()
        formatter.write_paragraph()
        formatter.write(f"{title}\n")
        formatter.write("".join(f"  {line.strip()}\n" for line in lines))
