"""Which tensor gets which type: presets as data, the rules' interpreter, the shape fallbacks."""

from __future__ import annotations

from quantcli.recipe.assign import Assignment, assign, starving
from quantcli.recipe.rules import Recipe, Rule
from quantcli.recipe.table import names, resolve

__all__ = ["Assignment", "Recipe", "Rule", "assign", "names", "resolve", "starving"]
