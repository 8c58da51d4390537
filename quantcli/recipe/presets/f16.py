"""F16: matrices as IEEE half precision, as the converter writes them."""

from __future__ import annotations

from quantcli.recipe.rules import Recipe

RECIPE = Recipe("F16", file_type=1, type="F16", aliases=("FP16",), mixture=False)
