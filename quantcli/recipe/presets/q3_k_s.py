"""Q3_K_S: 3 bits."""

from __future__ import annotations

from quantcli.recipe.rules import (
    ATTENTION_OUTPUT,
    EIGHT_EXPERTS,
    LARGE_VALUES,
    OUTPUT,
    Recipe,
    Rule,
)

RECIPE = Recipe(
    "Q3_K_S",
    file_type=11,
    type="Q3_K",
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        *LARGE_VALUES,
        Rule("Q5_K", (ATTENTION_OUTPUT,), experts=8, not_arch="falcon"),
    ),
)
