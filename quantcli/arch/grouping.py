"""Lists of tensor names made short: what differs only in its layer is one line."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


def grouped(lines: Iterable[str]) -> list[str]:
    """Return `lines` with those that differ only in a number between dots put together.

    "layers.2.up (for blk.2.ffn_up)" to "layers.31.up (for blk.31.ffn_up)" becomes
    "layers.2-31.up (for blk.2-31.ffn_up), 30 tensors". Lines that hold several different numbers
    (a layer and an expert) keep a * for each. The order is that of each group's first line.
    """
    groups: dict[str, list[str]] = {}
    for line in lines:
        groups.setdefault(_NUMBER.sub("*", line), []).append(line)
    return [_together(pattern, members) for pattern, members in groups.items()]


def _together(pattern: str, members: list[str]) -> str:
    if len(members) == 1:
        return members[0]
    numbers = [set(_NUMBER.findall(member)) for member in members]
    if all(len(each) == 1 for each in numbers):
        pattern = pattern.replace("*", _ranges(int(n) for each in numbers for n in each))
    return f"{pattern}, {len(members)} tensors"


def _ranges(numbers: Iterable[int]) -> str:
    """Return 0, 1, 2, 5 as "0-2,5"."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
