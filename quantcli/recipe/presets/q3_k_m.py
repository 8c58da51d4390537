"""Q3_K_M: 3 bits, 4 and 5 in the value, output and down projections of the blocks."""

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
    "Q3_K_M",
    file_type=12,
    type="Q3_K",
    aliases=("Q3_K", "INT3"),
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        *LARGE_VALUES,
        Rule("Q5_K", V_LIKE, position="first 2"),
        Rule("Q4_K", V_LIKE),
        Rule("Q5_K", (DOWN,), position="first sixteenth"),
        Rule("Q4_K", (DOWN,), not_arch="falcon"),
        Rule("Q4_K", (DOWN,), position="more bits"),
        Rule("Q5_K", (ATTENTION_OUTPUT,), experts=8, not_arch="falcon"),
        Rule("Q4_K", (ATTENTION_OUTPUT,), not_arch="falcon"),
    ),
)
