"""How `quantcli inspect` shows what a file holds, and what a checkpoint is."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from quantcli.cli import console, table
from quantcli.cli.table import Column
from quantcli.errors import for_command_line

if TYPE_CHECKING:
    from quantcli.app.inspect import Inspection
    from quantcli.app.inspect_checkpoint import CheckpointInspection
    from quantcli.app.inspection import TokenizerSummary, TypeSummary

_WIDEST = 100
# Elements of an array that a table shows.
_ELEMENTS = 8
_LABEL = 14


def show(result: Inspection, *, tensors: bool) -> None:
    """Print metadata, tokenizer and types; with `tensors` every tensor too."""
    rows = [
        (key, result.metadata_types[key], _shown(value)) for key, value in result.metadata.items()
    ]
    table.show((Column("key"), Column("type"), Column("value", prose=True)), rows)
    if result.tokenizer is not None:
        console.line()
        _pairs(_tokenizer(result.tokenizer))
    console.line()
    _types("type", result.types)
    if tensors:
        console.line()
        columns = (Column("tensor"), Column("shape"), Column("type"), *_right("offset", "bytes"))
        table.show(
            columns,
            [
                (t.name, _shape(t.shape), t.type, f"{t.offset:,}", f"{t.nbytes:,}")
                for t in result.tensors
            ],
        )
    console.line()
    console.line(
        f"{result.path}: GGUF version {result.version}, "
        f"{result.architecture or 'no architecture'}, "
        f"{len(result.tensors)} tensors, {console.count(result.weights)} weights, "
        f"{result.bits_per_weight:.3f} bits per weight, {result.size:,} bytes "
        f"({console.size(result.size)})"
    )


def checkpoint(result: CheckpointInspection, *, tensors: bool) -> None:
    """Print what a checkpoint is, its dtypes, and what a conversion would give or why it cannot."""
    named = result.model_class or "not named"
    known = result.architecture or "quantcli has no table for it"
    _pairs(
        (
            ("model", result.name),
            ("class", f"{named} ({known})" if result.model_class else named),
            *(("file", f"{name}, {console.size(size)}") for name, size in _few(result.files)),
        )
    )
    _pairs(
        (("tokenizer", "none that can be exported"),)
        if result.tokenizer is None
        else _tokenizer(result.tokenizer)
    )
    if result.dtypes:
        console.line()
        _types("dtype", result.dtypes)
    if tensors:
        console.line()
        columns = (Column("tensor"), Column("shape"), Column("dtype"), *_right("bytes"))
        table.show(
            (*columns, Column("file")),
            [(t.name, _shape(t.shape), t.dtype, f"{t.nbytes:,}", t.file) for t in result.tensors],
        )
    console.line()
    for note in result.notes:
        console.line(f"note: {note}")
    _prospect(result)


def value(found: object) -> None:
    """Print one metadata value whole: a text as it is, an array one element a line.

    In a terminal, what it would act upon is escaped; a pipe gets the very text.
    """
    if isinstance(found, tuple):
        lines = [json.dumps(item, ensure_ascii=False) for item in found]
    else:
        text = found if isinstance(found, str) else json.dumps(found)
        lines = text.split("\n")
    if console.is_terminal():
        console.lines(lines)
    else:
        console.raw("\n".join(lines))


def _prospect(result: CheckpointInspection) -> None:
    if result.problem is not None:
        where = f"{result.problem.where}: " if result.problem.where else ""
        text = f"cannot be converted: {where}{result.problem.message}"
        hint = result.problem.hint
        for line in for_command_line(f"{text}\n{hint}" if hint else text).split("\n"):
            console.line(line)
    elif (made := result.conversion) is not None:
        others = f", {made.fallbacks} tensors take another type" if made.fallbacks else ""
        console.line(
            f"{made.preset} would take {made.size:,} bytes ({console.size(made.size)}), "
            f"{made.bits_per_weight:.3f} bits per weight{others}:"
        )
        console.line(f"  quantcli convert {shlex.quote(result.path)} -t {made.preset}")


def _few(files: dict[str, int]) -> list[tuple[str, int]]:
    """Return the first files and, for many, one line with the number and size of the rest."""
    every = list(files.items())
    if len(every) <= _ELEMENTS:
        return every
    rest = every[_ELEMENTS:]
    return [*every[:_ELEMENTS], (f"… and {len(rest)} more", sum(size for _, size in rest))]


def _pairs(rows: Iterable[tuple[str, str]]) -> None:
    console.lines(f"{label:<{_LABEL}} {text}" for label, text in rows)


def _tokenizer(summary: TokenizerSummary) -> list[tuple[str, str]]:
    template = summary.chat_template
    return [
        ("tokenizer", f"{summary.model!r}, pre-tokenizer {summary.pre!r}"),
        ("tokens", f"{summary.size:,}, {summary.merges:,} merges"),
        ("chat template", "none" if template is None else f"{template:,} characters"),
        *((role, f"{number} {text!r}") for role, (number, text) in summary.special.items()),
    ]


def _types(title: str, summaries: tuple[TypeSummary, ...]) -> None:
    total = max(1, sum(summary.nbytes for summary in summaries))
    table.show(
        (Column(title), *_right("tensors", "weights", "bytes", "share", "bits per weight")),
        [
            (
                summary.type,
                f"{summary.tensors:,}",
                f"{summary.weights:,}",
                f"{summary.nbytes:,}",
                f"{100 * summary.nbytes / total:.1f} %",
                f"{8 * summary.nbytes / summary.weights:.4g}" if summary.weights else "",
            )
            for summary in summaries
        ],
    )


def _right(*titles: str) -> tuple[Column, ...]:
    return tuple(Column(title, right=True) for title in titles)


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(str(n) for n in shape)


def _shown(found: object) -> str:
    if isinstance(found, tuple):
        more = f", … ({len(found)} in all)" if len(found) > _ELEMENTS else ""
        return _short(f"[{', '.join(repr(item) for item in found[:_ELEMENTS])}{more}]", found)
    # Quotes show where a text ends, and escapes what a terminal would act upon. A float32 holds no
    # more than seven digits.
    return _short(f"{found:.7g}" if isinstance(found, float) else repr(found), found)


def _short(text: str, found: object) -> str:
    if len(text) <= _WIDEST:
        return text
    count = (
        f"{len(found)} elements" if isinstance(found, tuple) else f"{len(str(found))} characters"
    )
    return f"{text[: _WIDEST - 1]}… ({count})"
