"""Q4_1: 4 bits, a scale and a minimum for every 32 weights."""

from __future__ import annotations

from quantcli.recipe.rules import EIGHT_EXPERTS, OUTPUT, Recipe

RECIPE = Recipe("Q4_1", file_type=3, type="Q4_1", rules=(*OUTPUT, *EIGHT_EXPERTS))
