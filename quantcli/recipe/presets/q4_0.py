"""Q4_0: 4 bits and a scale for every 32 weights."""

from __future__ import annotations

from quantcli.recipe.rules import DOWN, EIGHT_EXPERTS, OUTPUT, Recipe, Rule

RECIPE = Recipe(
    "Q4_0",
    file_type=2,
    type="Q4_0",
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        Rule("Q4_1", (DOWN,), position="first eighth", importance=True),
    ),
)
