"""Tables of results: what identifies a row is always whole, and a pipe gets every cell.

rich's own tables cut or drop names when a terminal is narrow and pad every line to the longest one;
here names, types and numbers keep their width, and only prose gives way.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quantcli.cli import console

_GAP = "  "
_INDENT = "    "
# Prose narrower than this goes on a line of its own below its row.
_LEAST_PROSE = 16


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: its heading.
        right: numbers, which end at the same place.
        prose: text that may be folded, or stand below its row; only the last columns can be.
    """

    title: str
    right: bool = False
    prose: bool = False


def show(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on stdout.

    Args:
        columns: the columns, those of prose last.
        rows: one text a column; what a terminal would act upon is escaped.
    """
    width = console.out().width if console.is_terminal() else None
    cells = [[console.plain(cell) for cell in row] for row in rows]
    headings, body = layout(columns, cells, width)
    console.lines(headings, style="bold")
    console.lines(body)


def layout(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None
) -> tuple[list[str], list[str]]:
    """Return the lines of the heading and those of the rows, none with blanks at its end.

    Args:
        columns: the columns.
        rows: the cells.
        width: columns of the terminal, or None where lines have no end.
    """
    whole = [n for n, column in enumerate(columns) if not column.prose]
    widths = [max([_cells(row[n]) for row in rows], default=0) for n in range(len(columns))]
    titles = [[column.title] for column in columns]
    if width is not None and _total(columns, widths, titles) > width:
        # Headings of several words are folded before anything else gives way.
        titles = [
            textwrap.wrap(column.title, max(widths[n], 1), break_long_words=False) or [""]
            for n, column in enumerate(columns)
        ]
    for n in whole:
        widths[n] = max(widths[n], *(_cells(part) for part in titles[n]))
    taken = sum(widths[n] + len(_GAP) for n in whole)
    left = None if width is None else width - taken
    height = max(len(parts) for parts in titles)
    stacked = [[""] * (height - len(parts)) + parts for parts in titles]
    prose = [max(widths[n], len(columns[n].title)) for n in range(len(columns)) if n not in whole]
    below = left is not None and left < min(_LEAST_PROSE, sum(prose))
    lines = _Lines(columns, widths, left, width, below)
    headings = [lines.flat([parts[k] for parts in stacked]) for k in range(height)]
    return headings, [line for row in rows for line in lines.of(row)]


def _total(columns: Sequence[Column], widths: Sequence[int], titles: Sequence[list[str]]) -> int:
    return sum(
        max(widths[n], *(_cells(part) for part in titles[n])) + len(_GAP)
        for n in range(len(columns))
    ) - len(_GAP)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Puts the cells of one row beside or below each other.

    Attributes:
        columns, widths: of the table.
        left: terminal columns that the whole columns leave for prose; None for any number.
        room: columns of the terminal, or None.
        below: prose stands below its row.
    """

    columns: Sequence[Column]
    widths: Sequence[int]
    left: int | None
    room: int | None
    below: bool

    def flat(self, cells: Sequence[str]) -> str:
        """Return the cells on one line; prose is left out where it stands below its row."""
        shown = [
            _padded(cell, self.widths[n], right=self.columns[n].right)
            for n, cell in enumerate(cells)
            if not (self.columns[n].prose and self.below)
        ]
        return _GAP.join(shown).rstrip()

    def of(self, cells: Sequence[str]) -> list[str]:
        """Return the lines of one row."""
        whole = [cell for cell, column in zip(cells, self.columns, strict=True) if not column.prose]
        prose = [cell for cell, column in zip(cells, self.columns, strict=True) if column.prose]
        text = _GAP.join(cell for cell in prose if cell)
        first = self.flat([*whole, *[""] * len(prose)])
        if not text:
            return [first]
        if self.left is None or self.room is None:
            return [self.flat(cells)]
        if self.below:
            return [first, *_folded(text, max(self.room - len(_INDENT), _LEAST_PROSE), _INDENT)]
        taken = self.room - self.left
        folded = _folded(text, self.left, " " * taken)
        return [f"{_padded(first, taken)}{folded[0].lstrip()}", *folded[1:]]


def _folded(text: str, width: int, indent: str) -> list[str]:
    """Return `text` in lines of `width`, indented; a name longer than that stays whole."""
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [indent + line for line in lines]


def _padded(text: str, width: int, *, right: bool = False) -> str:
    blanks = " " * (width - _cells(text))
    return blanks + text if right else text + blanks


def _cells(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    from rich.cells import cell_len

    return cell_len(text)
