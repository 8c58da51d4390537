"""Q2_K: 2 bits, 3 in the value, output and down projections of the blocks."""

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
    "Q2_K",
    file_type=10,
    type="Q2_K",
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        *LARGE_VALUES,
        Rule("Q4_K", V_LIKE, min_gqa=4),
        Rule("Q3_K", V_LIKE),
        Rule("Q3_K", (DOWN,)),
        Rule("Q5_K", (ATTENTION_OUTPUT,), experts=8, not_arch="falcon"),
        Rule("Q3_K", (ATTENTION_OUTPUT,), not_arch="falcon"),
    ),
)
