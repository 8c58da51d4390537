"""IQ2_XXS: 2.1 bits from a lattice; needs an importance matrix."""

from __future__ import annotations

from quantcli.recipe.rules import (
    ATTENTION_OUTPUT,
    DOWN,
    EMBEDDING,
    FEW_BITS_VALUES,
    OUTPUT_5_BITS,
    V_LIKE,
    K,
    Recipe,
    Rule,
)

RECIPE = Recipe(
    "IQ2_XXS",
    file_type=19,
    type="IQ2_XXS",
    rules=(
        *OUTPUT_5_BITS,
        Rule("Q2_K", (EMBEDDING,)),
        *FEW_BITS_VALUES,
        Rule("Q2_K", V_LIKE),
        Rule("Q4_K", (K,), experts=8),
        Rule("Q2_K", (DOWN,), position="first eighth", by_counter=True),
        Rule("Q5_K", (ATTENTION_OUTPUT,), experts=8),
    ),
)
