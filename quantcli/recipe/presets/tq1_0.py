"""TQ1_0: ternary weights at 1.7 bits, for models trained so."""

from __future__ import annotations

from quantcli.recipe.rules import EIGHT_EXPERTS, EMBEDDING, OUTPUT, Recipe, Rule

RECIPE = Recipe(
    "TQ1_0",
    file_type=36,
    type="TQ1_0",
    rules=(
        *OUTPUT,
        Rule("Q4_K", (EMBEDDING,)),
        *EIGHT_EXPERTS,
    ),
)
