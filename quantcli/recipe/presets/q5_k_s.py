"""Q5_K_S: 5 bits everywhere but in the output matrix."""

from __future__ import annotations

from quantcli.recipe.rules import EIGHT_EXPERTS, OUTPUT, Recipe

RECIPE = Recipe("Q5_K_S", file_type=16, type="Q5_K", rules=(*OUTPUT, *EIGHT_EXPERTS))
