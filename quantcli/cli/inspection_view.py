"""How `quantcli inspect` shows what a file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantcli.cli import console

if TYPE_CHECKING:
    from rich.table import Table

    from quantcli.app.inspect import Inspection, TokenizerSummary

_WIDEST = 100


def show(result: Inspection, *, tensors: bool) -> None:
    """Print metadata, tokenizer and types; with `tensors` every tensor too."""
    out = console.out()
    out.print(_metadata(result))
    if result.tokenizer is not None:
        out.print()
        _tokenizer(result.tokenizer)
    out.print()
    out.print(_types(result))
    if tensors:
        out.print()
        out.print(_tensors(result))
    out.print()
    out.print(
        f"{result.path}: GGUF version {result.version}, "
        f"{result.architecture or 'no architecture'}, "
        f"{len(result.tensors)} tensors, {console.count(result.weights)} weights, "
        f"{result.bits_per_weight:.3f} bits per weight, {result.size:,} bytes "
        f"({console.size(result.size)})",
        markup=False,
    )


def _table(*left: str, right: tuple[str, ...] = ()) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _metadata(result: Inspection) -> Table:
    table = _table("key", "type", "value")
    for key, kind, value in result.metadata:
        table.add_row(
            *(_plain(text) for text in (key, kind, _show(value, result.lengths.get(key))))
        )
    return table


def _show(value: object, length: int | None) -> str:
    if length is not None and isinstance(value, tuple):
        more = f", … ({length} in all)" if length > len(value) else ""
        return f"[{', '.join(repr(item) for item in value)}{more}]"
    # Quotes show where a text ends, and escapes what a terminal would act upon. A float32 holds no
    # more than seven digits.
    text = f"{value:.7g}" if isinstance(value, float) else repr(value)
    return (
        text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}… ({len(str(value))} characters)"
    )


def _tokenizer(summary: TokenizerSummary) -> None:
    out = console.out()
    template = summary.chat_template
    lines = [
        f"tokenizer      {summary.model!r}, pre-tokenizer {summary.pre!r}",
        f"tokens         {summary.size:,}, {summary.merges:,} merges",
        f"chat template  {'none' if template is None else f'{template:,} characters'}",
    ]
    lines += [f"{role:<14} {number} {text!r}" for role, (number, text) in summary.special.items()]
    for line in lines:
        out.print(line, markup=False)


def _types(result: Inspection) -> Table:
    table = _table("type", right=("tensors", "weights", "bytes", "share", "bits per weight"))
    total = sum(summary.nbytes for summary in result.types)
    for summary in result.types:
        table.add_row(
            summary.type,
            f"{summary.tensors:,}",
            f"{summary.weights:,}",
            f"{summary.nbytes:,}",
            f"{100 * summary.nbytes / total:.1f} %",
            f"{8 * summary.nbytes / summary.weights:.4g}",
        )
    return table


def _tensors(result: Inspection) -> Table:
    table = _table("tensor", "shape", "type", right=("offset", "bytes"))
    for tensor in result.tensors:
        shape = " × ".join(str(n) for n in tensor.shape)
        table.add_row(
            _plain(tensor.name), shape, tensor.type, f"{tensor.offset:,}", f"{tensor.nbytes:,}"
        )
    return table


def _plain(text: str) -> str:
    """Return `text` so that neither rich nor the terminal acts upon any of it."""
    from rich.markup import escape

    return escape(text if text.isprintable() else repr(text))
