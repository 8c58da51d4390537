"""Q2_K_S: 2 bits, 4 in the first down projections; needs an importance matrix."""

from __future__ import annotations

from quantcli.recipe.rules import DOWN, EIGHT_EXPERTS, OUTPUT, V_LIKE, Recipe, Rule

RECIPE = Recipe(
    "Q2_K_S",
    file_type=21,
    type="Q2_K",
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        Rule("Q5_K", V_LIKE, size="70B", min_gqa=4),
        Rule("Q4_K", V_LIKE, min_gqa=4),
        Rule("Q4_K", (DOWN,), position="first eighth"),
    ),
)
