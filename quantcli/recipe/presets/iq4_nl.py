"""IQ4_NL: 4 bits with uneven levels, a scale for every 32 weights."""

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
    "IQ4_NL",
    file_type=25,
    type="IQ4_NL",
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        Rule("Q5_K", V_LIKE, min_gqa=4),
        Rule("Q5_K", (DOWN,), position="first eighth", importance=False),
        Rule("Q5_K", (ATTENTION_OUTPUT,), experts=8, not_arch="falcon"),
    ),
)
