"""All architectures, found by listing the folder `families`."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from functools import cache

from quantcli.arch import families
from quantcli.arch.architecture import Architecture
from quantcli.errors import ArchitectureError


@cache
def architectures() -> tuple[Architecture, ...]:
    """Return every Architecture that a module of `families` defines, ordered by name."""
    found = [
        value
        for info in pkgutil.iter_modules(families.__path__)
        for value in vars(importlib.import_module(f"{families.__name__}.{info.name}")).values()
        if isinstance(value, Architecture)
    ]
    names = [architecture.name for architecture in found]
    classes = [hf for architecture in found for hf in architecture.hf]
    if len(set(names)) != len(names) or len(set(classes)) != len(classes):
        raise AssertionError("two architectures share a name or a Hugging Face class")
    return tuple(sorted(found, key=lambda architecture: architecture.name))


def find(hf: str, where: str) -> Architecture:
    """Return the architecture that covers the Hugging Face class `hf`.

    Args:
        hf: the class's name, from config.json's "architectures".
        where: the file that names it.

    Raises:
        ArchitectureError: none does; the known ones and the nearest are named.
    """
    classes = {name: table for table in architectures() for name in table.hf}
    if hf in classes:
        return classes[hf]
    near = difflib.get_close_matches(hf, classes, n=1, cutoff=0.0)
    raise ArchitectureError(
        f"unknown architecture {hf!r}; the nearest known one is {near[0]}",
        where=where,
        hint=f"Known are {', '.join(sorted(classes))}.",
    )
