"""Q4_K_S: 4 bits, 5 in the first value and down projections."""

from __future__ import annotations

from quantcli.recipe.rules import (
    ATTENTION_OUTPUT,
    DOWN,
    EIGHT_EXPERTS,
    LARGE_VALUES,
    OUTPUT,
    V_LIKE,
    Recipe,
    Rule,
)

RECIPE = Recipe(
    "Q4_K_S",
    file_type=14,
    type="Q4_K",
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        Rule("Q5_K", V_LIKE, position="first 4"),
        *LARGE_VALUES,
        Rule("Q5_K", (DOWN,), position="first eighth", not_arch="falcon"),
        Rule("Q5_K", (ATTENTION_OUTPUT,), experts=8, not_arch="falcon"),
    ),
)
