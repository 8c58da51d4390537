"""Names of presets that llama.cpp has and quantcli has not."""

from __future__ import annotations

import pytest

from quantcli import recipe
from quantcli.errors import UsageError
from quantcli.recipe.table import PEER_BITS, nearest

MISSING = sorted(PEER_BITS.keys() - set(recipe.names()))


@pytest.mark.parametrize("name", MISSING)
def test_a_preset_of_llama_cpp_s_is_said_to_be_one(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        recipe.resolve(name.lower())
    assert caught.value.message == (
        f"llama.cpp has {name}, quantcli not yet; nearest: {nearest(name)}"
    )
    assert nearest(name) in recipe.names()
    assert all(known in str(caught.value.hint) for known in recipe.names())


@pytest.mark.parametrize("alias, name", [("Q3_K", "Q3_K_M"), ("mxfp4", "MXFP4_MOE")])
def test_aliases_are_told_as_what_they_stand_for(alias: str, name: str) -> None:
    if name in recipe.names():
        assert recipe.resolve(alias).name == name
        return
    with pytest.raises(UsageError, match=f"llama.cpp has {name}, quantcli not yet"):
        recipe.resolve(alias)


def test_nearest_is_by_bits() -> None:
    assert nearest("Q4_K_M") == "Q4_K_M"
    have = {name: PEER_BITS[name] for name in recipe.names() if name in PEER_BITS}
    for name, bits in PEER_BITS.items():
        distance = abs(have[nearest(name)] - bits)
        assert all(distance <= abs(other - bits) for other in have.values())
    # What is not there is below what is: the smallest is proposed.
    assert MISSING
    assert nearest("IQ1_S") == min(have, key=have.__getitem__)
