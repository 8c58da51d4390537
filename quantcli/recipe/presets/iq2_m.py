"""IQ2_M: 2.5 bits from a lattice, 3.4 where it matters most; needs an importance matrix."""

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
    "IQ2_M",
    file_type=29,
    type="IQ2_S",
    rules=(
        *OUTPUT_5_BITS,
        Rule("IQ3_S", (EMBEDDING,)),
        *FEW_BITS_VALUES,
        Rule("IQ3_S", V_LIKE),
        Rule("Q4_K", (K,), experts=8),
        Rule("IQ3_S", (DOWN,), position="first eighth", by_counter=True),
        Rule("Q5_K", (ATTENTION_OUTPUT,), experts=8),
        Rule("IQ3_S", (ATTENTION_OUTPUT,)),
    ),
)
