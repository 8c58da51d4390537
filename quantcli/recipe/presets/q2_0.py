"""Q2_0: 2 bits and a scale for every 64 weights."""

from __future__ import annotations

from quantcli.recipe.rules import EIGHT_EXPERTS, EMBEDDING, OUTPUT, Recipe, Rule

RECIPE = Recipe(
    "Q2_0",
    file_type=41,
    type="Q2_0",
    rules=(
        *OUTPUT,
        Rule("Q4_K", (EMBEDDING,)),
        *EIGHT_EXPERTS,
    ),
)
