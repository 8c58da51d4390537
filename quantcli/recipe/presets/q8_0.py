"""Q8_0: 8 bits and a scale for every 32 weights, the output matrix included."""

from __future__ import annotations

from quantcli.recipe.rules import Recipe

RECIPE = Recipe("Q8_0", file_type=7, type="Q8_0", aliases=("INT8",))
