"""IQ3_XS: 3.4 bits from a lattice, 3 in queries, keys and the middle gate and up projections."""

from __future__ import annotations

from quantcli.recipe.rules import (
    ATTENTION_OUTPUT,
    EIGHT_EXPERTS,
    GATE,
    OUTPUT,
    UP,
    V_LIKE,
    K,
    Q,
    Recipe,
    Rule,
)

RECIPE = Recipe(
    "IQ3_XS",
    file_type=22,
    type="IQ3_S",
    rules=(
        *OUTPUT,
        *EIGHT_EXPERTS,
        Rule("Q5_K", V_LIKE, size="70B", min_gqa=4),
        Rule("Q4_K", V_LIKE, min_gqa=4),
        Rule("IQ3_XXS", (K, Q)),
        Rule("IQ3_XXS", (GATE, UP), position="middle"),
        Rule("Q5_K", (ATTENTION_OUTPUT,), experts=8, not_arch="falcon"),
    ),
)
