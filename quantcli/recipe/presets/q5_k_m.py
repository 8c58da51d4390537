"""Q5_K_M: 5 bits, 6 in half of the value and down projections."""

from __future__ import annotations

from quantcli.recipe.rules import DOWN, EIGHT_EXPERTS, OUTPUT, V_LIKE, Recipe, Rule

RECIPE = Recipe(
    "Q5_K_M",
    file_type=17,
    type="Q5_K",
    aliases=("Q5_K",),
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        Rule("Q6_K", V_LIKE, position="more bits"),
        Rule("Q6_K", (DOWN,), position="more bits"),
    ),
)
