"""Q4_K_M: 4 bits, 6 in half of the value and down projections."""

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
    "Q4_K_M",
    file_type=15,
    type="Q4_K",
    aliases=("Q4_K", "INT4"),
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        Rule("Q6_K", V_LIKE, position="more bits"),
        *LARGE_VALUES,
        Rule("Q6_K", (DOWN,), position="first sixteenth", arch="falcon"),
        Rule("Q5_K", (DOWN,), position="more bits", arch="falcon"),
        Rule("Q6_K", (DOWN,), position="more bits", not_arch="falcon"),
        Rule("Q5_K", (ATTENTION_OUTPUT,), experts=8, not_arch="falcon"),
    ),
)
