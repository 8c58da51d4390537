"""The presets, found by listing `quantcli.recipe.presets`: every module there holds one RECIPE."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache

from quantcli.errors import UsageError
from quantcli.recipe import presets
from quantcli.recipe.rules import Recipe


@cache
def _table() -> dict[str, Recipe]:
    """Recipes by upper-case name and alias; canonical names in order of their file types."""
    found = (
        importlib.import_module(f"{presets.__name__}.{module.name}").RECIPE
        for module in pkgutil.iter_modules(presets.__path__)
    )
    return build_table(found)


def build_table(recipes: Iterable[Recipe]) -> dict[str, Recipe]:
    """Return the recipes by name and alias.

    Raises:
        ValueError: two presets share a name, an alias or a file type.
    """
    ordered = sorted(recipes, key=lambda recipe: recipe.file_type)
    if len({recipe.file_type for recipe in ordered}) != len(ordered):
        raise ValueError("two presets share a file type")
    table: dict[str, Recipe] = {}
    for recipe in ordered:
        for name in (recipe.name, *recipe.aliases):
            if name in table:
                raise ValueError(f"two presets are called {name}")
            table[name] = recipe
    return table


def names() -> tuple[str, ...]:
    """Return the canonical names of all presets, ordered by general.file_type."""
    return tuple(name for name, recipe in _table().items() if name == recipe.name)


def resolve(name: str) -> Recipe:
    """Return the preset of that name or alias, in any case.

    Raises:
        UsageError: there is none; the message has the nearest name, the hint the list.
    """
    table = _table()
    wanted = name.strip().upper().replace("-", "_")
    if wanted in table:
        return table[wanted]
    near = difflib.get_close_matches(wanted, table, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"unknown preset {name!r}{guess}", hint=f"Presets: {', '.join(names())}.")
