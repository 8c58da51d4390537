"""IQ3_XXS: 3 bits from a lattice, 2.5 in queries and keys."""

from __future__ import annotations

from quantcli.recipe.rules import (
    ATTENTION_OUTPUT,
    DOWN,
    EIGHT_EXPERTS,
    EMBEDDING,
    OUTPUT_5_BITS,
    V_LIKE,
    K,
    Q,
    Recipe,
    Rule,
)

RECIPE = Recipe(
    "IQ3_XXS",
    file_type=23,
    type="IQ3_XXS",
    rules=(
        *OUTPUT_5_BITS,
        Rule("IQ3_S", (EMBEDDING,)),
        *EIGHT_EXPERTS,
        Rule("Q5_K", V_LIKE, size="70B", min_gqa=4),
        Rule("Q4_K", V_LIKE, min_gqa=4),
        Rule("IQ3_S", V_LIKE, importance=False),
        Rule("IQ2_S", (K, Q)),
        Rule("Q4_K", (DOWN,), position="first eighth", importance=False),
        Rule("Q3_K", (DOWN,), importance=False),
        Rule("Q5_K", (ATTENTION_OUTPUT,), experts=8, not_arch="falcon"),
        Rule("IQ3_S", (ATTENTION_OUTPUT,), not_arch="falcon"),
    ),
)
