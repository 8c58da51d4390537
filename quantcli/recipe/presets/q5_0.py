"""Q5_0: 5 bits and a scale for every 32 weights."""

from __future__ import annotations

from quantcli.recipe.rules import DOWN, EIGHT_EXPERTS, OUTPUT, Recipe, Rule

RECIPE = Recipe(
    "Q5_0",
    file_type=8,
    type="Q5_0",
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        Rule("Q5_1", (DOWN,), position="first eighth", importance=True),
    ),
)
