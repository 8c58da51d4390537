"""TQ2_0: ternary weights at 2.1 bits, for models trained so."""

from __future__ import annotations

from quantcli.recipe.rules import EIGHT_EXPERTS, EMBEDDING, OUTPUT, Recipe, Rule

RECIPE = Recipe(
    "TQ2_0",
    file_type=37,
    type="TQ2_0",
    rules=(
        *OUTPUT,
        Rule("Q4_K", (EMBEDDING,)),
        *EIGHT_EXPERTS,
    ),
)
