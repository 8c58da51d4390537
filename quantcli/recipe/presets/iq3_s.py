"""IQ3_S: 3.4 bits from a lattice."""

from __future__ import annotations

from quantcli.recipe.rules import ATTENTION_OUTPUT, EIGHT_EXPERTS, OUTPUT, V_LIKE, Recipe, Rule

RECIPE = Recipe(
    "IQ3_S",
    file_type=26,
    type="IQ3_S",
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        Rule("Q5_K", V_LIKE, size="70B", min_gqa=4),
        Rule("Q4_K", V_LIKE, min_gqa=4),
        Rule("Q5_K", (ATTENTION_OUTPUT,), experts=8, not_arch="falcon"),
    ),
)
