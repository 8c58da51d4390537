"""IQ3_M: 3.4 bits from a lattice, 4 in the value, output and first down projections."""

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
    "IQ3_M",
    file_type=27,
    type="IQ3_S",
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        *LARGE_VALUES,
        Rule("Q4_K", V_LIKE),
        Rule("Q4_K", (DOWN,), position="first eighth"),
        Rule("Q4_K", (DOWN,), position="more bits", experts=8),
        Rule("Q5_K", (ATTENTION_OUTPUT,), experts=8, not_arch="falcon"),
        Rule("Q4_K", (ATTENTION_OUTPUT,), not_arch="falcon"),
    ),
)
