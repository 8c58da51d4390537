"""The command on a terminal of a given width, and what the terminal then shows."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

_CONTROL = re.compile(r"(\n|\r|\x1b\[[0-9;?]*[A-Za-z])")


def run(*arguments: object, columns: int, stdout: Path | None = None) -> tuple[int, str]:
    """Run quantcli on a terminal; return its exit code and all it sent there.

    Args:
        arguments: of the command.
        columns: width of the terminal.
        stdout: a file for stdout, so that only stderr is the terminal.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    clean = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "NO_COLOR", "FORCE_COLOR"}}
    with Path(stdout or os.devnull).open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "quantcli", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=theirs if stdout is None else file,
            stderr=theirs,
            env={**clean, "TERM": "xterm"},
        )
    os.close(theirs)
    received = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # Linux says so when the other side has closed
            break
        if not part:
            break
        received += part
    os.close(ours)
    return process.wait(), received.decode("utf-8")


def shown(sent: str) -> list[str]:
    """Return the lines that a terminal shows in the end; what was erased or overwritten is gone.

    Follows line feeds, carriage returns, "cursor up" and "erase line"; colours are dropped.
    """
    lines, row, column = [""], 0, 0
    for piece in _CONTROL.split(sent):
        if piece == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif piece == "\r":
            column = 0
        elif piece.startswith("\x1b["):
            if piece.endswith("A"):
                row -= int(piece[2:-1] or 1)
            elif piece.endswith("K"):
                lines[row] = ""
        else:
            line = lines[row].ljust(column)
            lines[row] = line[:column] + piece + line[column + len(piece) :]
            column += len(piece)
    return [line.rstrip() for line in lines]
