"""BF16: matrices as bfloat16, as the converter writes them."""

from __future__ import annotations

from quantcli.recipe.rules import Recipe

RECIPE = Recipe("BF16", file_type=32, type="BF16", mixture=False)
