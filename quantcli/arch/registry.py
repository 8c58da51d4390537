"""All architectures, found by listing the folder `families`."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache

from quantcli.arch import families
from quantcli.arch.architecture import Architecture
from quantcli.errors import ArchitectureError


@dataclass(frozen=True, slots=True)
class Tables:
    """What the folder holds.

    Attributes:
        good: the architectures, ordered by name.
        broken: a sentence for each file that cannot be used, naming it.
    """

    good: tuple[Architecture, ...]
    broken: tuple[str, ...]


@cache
def tables() -> Tables:
    """Return every Architecture that a module of `families` defines.

    A file that cannot be imported, or that takes a name or a class that an earlier file has, is set
    aside: it must not keep the models of all others from being converted.
    """
    found: dict[str, Architecture] = {}
    owner: dict[str, str] = {}
    broken: list[str] = []
    for info in pkgutil.iter_modules(families.__path__):
        file = f"arch/families/{info.name}.py"
        try:
            module = importlib.import_module(f"{families.__name__}.{info.name}")
        except Exception as error:  # noqa: BLE001 - whatever a table's author got wrong
            broken.append(f"{file} cannot be imported: {type(error).__name__}: {error}")
            continue
        for table in vars(module).values():
            if not isinstance(table, Architecture):
                continue
            names = (f"the architecture {table.name}", *table.hf)
            taken = [f"{name} is also in {owner[name]}" for name in names if name in owner]
            if taken:
                broken.append(f"{file}: {', '.join(taken)}")
                continue
            found[table.name] = table
            owner |= dict.fromkeys(names, file)
    return Tables(tuple(found[name] for name in sorted(found)), tuple(broken))


def architectures() -> tuple[Architecture, ...]:
    """Return every usable Architecture, ordered by name."""
    return tables().good


def covers(hf: str) -> bool:
    """Tell whether an architecture covers the Hugging Face class `hf`."""
    return any(hf in table.hf for table in architectures())


def find(hf: str, where: str) -> Architecture:
    """Return the architecture that covers the Hugging Face class `hf`.

    Args:
        hf: the class's name, from config.json's "architectures".
        where: the file that names it.

    Raises:
        ArchitectureError: none does; the known ones and the nearest are named, and table files
            that cannot be used.
    """
    classes = {name: table for table in architectures() for name in table.hf}
    if hf in classes:
        return classes[hf]
    near = difflib.get_close_matches(hf, classes, n=1, cutoff=0.0)
    nearest = f"; the nearest known one is {near[0]}" if near else ""
    raise ArchitectureError(
        "\n  ".join([f"unknown architecture {hf!r}{nearest}", *tables().broken]),
        where=where,
        hint=f"Known are {', '.join(sorted(classes))}.",
    )
