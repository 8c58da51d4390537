"""Comparing a file's metadata with what a plan says."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from quantcli.container.reader import Metadata

_SHOWN = 60


def differences(
    found: Mapping[str, Metadata], expected: Mapping[str, Metadata]
) -> list[tuple[str, str]]:
    """Return (key, what differs) for every key whose presence, type or value differs.

    Args:
        found: metadata of the file.
        expected: metadata that it should have.
    """
    result = [
        (key, f"key {key} is missing; it should be {_show(entry.value)}")
        for key, entry in expected.items()
        if key not in found
    ]
    result += [
        (key, f"key {key} should not be there; it is {_show(entry.value)}")
        for key, entry in found.items()
        if key not in expected
    ]
    for key, entry in expected.items():
        if key in found and (text := _difference(found[key], entry)):
            result.append((key, f"key {key}{text}"))
    return result


def _difference(found: Metadata, expected: Metadata) -> str:
    """Return how the values differ, to be put after the key, or "" when they are equal."""
    if found.type != expected.type:
        return f" has type {found.type}, it should be {expected.type}"
    if _same(found.value, expected.value):
        return ""
    if not isinstance(found.value, tuple) or not isinstance(expected.value, tuple):
        return f" is {_show(found.value)}, it should be {_show(expected.value)}"
    unequal = [
        (index, ours, theirs)
        for index, (ours, theirs) in enumerate(zip_longest(found.value, expected.value))
        if not _same(ours, theirs)
    ]
    index, ours, theirs = unequal[0]
    text = f"[{index}] is {_show(ours)}, it should be {_show(theirs)}"
    if len(found.value) != len(expected.value):
        return f" has {len(found.value)} elements, it should be {len(expected.value)}; {text}"
    return text if len(unequal) == 1 else f"{text}; {len(unequal)} elements differ"


def _same(one: object, other: object) -> bool:
    """Return whether two values are equal; a NaN equals a NaN."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other or (one != one and other != other)  # noqa: PLR0124 - true of NaN alone


def _show(value: object) -> str:
    if isinstance(value, tuple):
        return f"an array of {len(value)}"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
