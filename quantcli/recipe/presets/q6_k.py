"""Q6_K: 6 bits everywhere, near the quality of 16 bits."""

from __future__ import annotations

from quantcli.recipe.rules import EIGHT_EXPERTS, OUTPUT, Recipe

RECIPE = Recipe("Q6_K", file_type=18, type="Q6_K", rules=(*OUTPUT, *EIGHT_EXPERTS))
