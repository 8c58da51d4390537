"""IQ4_XS: 4 bits with uneven levels, scales in super-blocks."""

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
    "IQ4_XS",
    file_type=30,
    type="IQ4_XS",
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        Rule("Q5_K", V_LIKE, min_gqa=4),
        Rule("Q5_K", (DOWN,), position="first eighth", importance=False),
        Rule("Q5_K", (ATTENTION_OUTPUT,), experts=8, not_arch="falcon"),
    ),
)
