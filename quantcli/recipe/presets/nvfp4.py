"""NVFP4: 4-bit floats with a scale for every 16 weights, 8 bits in the embedding."""

from __future__ import annotations

from quantcli.recipe.rules import EMBEDDING, OUTPUT, Recipe, Rule

RECIPE = Recipe(
    "NVFP4",
    file_type=39,
    type="NVFP4",
    rules=(
        *OUTPUT,
        Rule("Q8_0", (EMBEDDING,)),
    ),
)
