"""All architectures, found by listing the folder `families`."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from dataclasses import dataclass, replace
from functools import cache

from quantcli.arch import families
from quantcli.arch.architecture import Architecture
from quantcli.errors import ArchitectureError, UsageError


class UnknownClassError(ArchitectureError):
    """No table covers the model's class."""


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
        about = (module.__doc__ or "").partition("\n")[0]
        defined = (each for each in vars(module).values() if isinstance(each, Architecture))
        for table in (replace(each, about=about) for each in defined):
            own = (name for name in table.hf if name not in table.partly)
            names = (f"the architecture {table.name}", *own)
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


def partial(hf: str) -> tuple[Architecture, ...]:
    """Return the architectures that cover some models of the Hugging Face class `hf`."""
    return tuple(table for table in architectures() if hf in table.partly)


def find(hf: str, where: str) -> Architecture:
    """Return the architecture that covers the Hugging Face class `hf`, but for `partial` ones.

    Args:
        hf: the class's name, from config.json's "architectures".
        where: the file that names it.
        config: config.json, for classes that have models of several architectures.

    Raises:
        UnknownClassError: none does; table files that cannot be used are named.
    """
    tables_of = (t for t in architectures() if hf in t.hf and hf not in t.partly)
    found = next(tables_of, None)
    if found is not None:
        return found
    raise UnknownClassError(
        "\n  ".join([f"unknown architecture {hf!r}", *tables().broken]),
        where=where,
        hint="`quantcli archs` lists what is known.",
    )


def named(arch: str) -> Architecture:
    """Return the architecture of the GGUF name `arch`.

    Raises:
        UsageError: there is none; the nearest names are given.
    """
    by_name = {table.name: table for table in architectures()}
    if arch in by_name:
        return by_name[arch]
    near = difflib.get_close_matches(arch, by_name, n=3)
    raise UsageError(
        f"unknown architecture {arch!r}" + (f", perhaps {' or '.join(near)}" if near else ""),
        hint="`quantcli archs` lists what is known.",
    )
