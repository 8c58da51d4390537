"""Q1_0: signs and a scale for every 128 weights, for models trained so."""

from __future__ import annotations

from quantcli.recipe.rules import EIGHT_EXPERTS, OUTPUT, Recipe

RECIPE = Recipe(
    "Q1_0",
    file_type=40,
    type="Q1_0",
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
    ),
)
