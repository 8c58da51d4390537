"""F32: nothing is rounded."""

from __future__ import annotations

from quantcli.recipe.rules import Recipe

RECIPE = Recipe("F32", file_type=0, type="F32", aliases=("FP32",), mixture=False)
