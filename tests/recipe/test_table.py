"""Every name that llama-quantize takes is taken."""

from __future__ import annotations

import pytest

from quantcli import recipe

# Names and aliases of llama-quantize's command line, F32 to BF16 and COPY aside.
THEIRS = (
    *("Q1_0", "Q2_0", "Q4_0", "Q4_1", "MXFP4_MOE", "Q5_0", "Q5_1", "IQ2_XXS", "IQ2_XS", "IQ2_S"),
    *("IQ2_M", "IQ1_S", "IQ1_M", "TQ1_0", "TQ2_0", "Q2_K", "Q2_K_S", "IQ3_XXS", "IQ3_S", "IQ3_M"),
    *("Q3_K", "IQ3_XS", "Q3_K_S", "Q3_K_M", "Q3_K_L", "IQ4_NL", "IQ4_XS", "Q4_K", "Q4_K_S"),
    *("Q4_K_M", "Q5_K", "Q5_K_S", "Q5_K_M", "Q6_K", "Q8_0", "F16", "BF16", "F32"),
)


@pytest.mark.parametrize("name", THEIRS)
def test_every_name_of_llama_quantize_is_one_here(name: str) -> None:
    assert recipe.resolve(name.lower()).name.startswith(name)


@pytest.mark.parametrize("alias, name", [("Q3_K", "Q3_K_M"), ("mxfp4", "MXFP4_MOE")])
def test_aliases(alias: str, name: str) -> None:
    assert recipe.resolve(alias).name == name
