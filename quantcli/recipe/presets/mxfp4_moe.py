"""MXFP4_MOE: 4-bit floats in the experts, 8 bits elsewhere."""

from __future__ import annotations

from quantcli.recipe.rules import ATTENTION_OUTPUT, HEAD, OTHER, V_LIKE, K, Q, Recipe, Rule

RECIPE = Recipe(
    "MXFP4_MOE",
    file_type=38,
    type="MXFP4",
    aliases=("MXFP4",),
    rules=(
        Rule("Q8_0", (HEAD,)),
        Rule("Q8_0", stacked=False),
        Rule("Q8_0", (*V_LIKE, K, Q, ATTENTION_OUTPUT, OTHER), arch="bailingmoe3"),
    ),
)
