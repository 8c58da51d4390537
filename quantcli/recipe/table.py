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

# llama.cpp's names → bits per weight that its documentation gives for Llama 3.1 8B, or else the
# type's own; of MXFP4_MOE those of the experts. Aliases are told as what they stand for.
PEER_BITS = {
    "Q1_0": 1.125,
    "TQ1_0": 1.69,
    "IQ1_S": 2.0042,
    "TQ2_0": 2.06,
    "IQ1_M": 2.1460,
    "Q2_0": 2.25,
    "IQ2_XXS": 2.3824,
    "IQ2_XS": 2.5882,
    "IQ2_S": 2.7403,
    "IQ2_M": 2.9294,
    "Q2_K_S": 2.9697,
    "Q2_K": 3.1593,
    "IQ3_XXS": 3.2548,
    "IQ3_XS": 3.4977,
    "Q3_K_S": 3.6429,
    "IQ3_S": 3.6606,
    "IQ3_M": 3.7628,
    "Q3_K_M": 3.9960,
    "MXFP4_MOE": 4.25,
    "Q3_K_L": 4.2979,
    "IQ4_XS": 4.4597,
    "NVFP4": 4.5,
    "Q4_K_S": 4.6672,
    "IQ4_NL": 4.6818,
    "Q4_K_M": 4.8944,
    "Q5_K_S": 5.5704,
    "Q5_K_M": 5.7036,
    "Q6_K": 6.5633,
    "Q8_0": 8.5008,
}
_PEER_ALIASES = {"Q3_K": "Q3_K_M", "MXFP4": "MXFP4_MOE"}


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
        UsageError: there is none; the message has the nearest name, or says that llama.cpp has it,
            the hint the list.
    """
    table = _table()
    wanted = name.strip().upper().replace("-", "_")
    if wanted in table:
        return table[wanted]
    peer = _PEER_ALIASES.get(wanted, wanted)
    if peer in PEER_BITS:
        raise UsageError(
            f"llama.cpp has {peer}, quantcli not yet; nearest: {nearest(peer)}",
            hint=f"Presets: {', '.join(names())}.",
        )
    near = difflib.get_close_matches(wanted, table, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"unknown preset {name!r}{guess}", hint=f"Presets: {', '.join(names())}.")


def nearest(peer: str) -> str:
    """Return the preset here whose size is nearest to that of llama.cpp's preset `peer`.

    Among those that llama.cpp documents a size of: k-quants, which are better than the older types
    of their size.
    """
    sizes = {name: PEER_BITS[name] for name in names() if name in PEER_BITS}
    return min(sizes, key=lambda name: abs(sizes[name] - PEER_BITS[peer]))
