"""Q3_K_L: 3 bits, 5 in the value, output and down projections of the blocks."""

from __future__ import annotations

from quantcli.recipe.rules import (
    ATTENTION_OUTPUT,
    DOWN,
    EIGHT_EXPERTS,
    OUTPUT,
    V_LIKE,
    Recipe,
    Rule,
)

RECIPE = Recipe(
    "Q3_K_L",
    file_type=13,
    type="Q3_K",
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        Rule("Q5_K", V_LIKE),
        Rule("Q4_K", (DOWN,), arch="falcon"),
        Rule("Q5_K", (DOWN,)),
        Rule("Q4_K", (ATTENTION_OUTPUT,), arch="falcon"),
        Rule("Q3_K", (ATTENTION_OUTPUT,), experts=8),
        Rule("Q5_K", (ATTENTION_OUTPUT,)),
    ),
)
