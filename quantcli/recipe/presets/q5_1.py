"""Q5_1: 5 bits, a scale and a minimum for every 32 weights."""

from __future__ import annotations

from quantcli.recipe.rules import EIGHT_EXPERTS, OUTPUT, Recipe

RECIPE = Recipe("Q5_1", file_type=9, type="Q5_1", rules=(*OUTPUT, *EIGHT_EXPERTS))
