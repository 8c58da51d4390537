from __future__ import annotations

import pytest
from gguf import LlamaFileType

from quantcli import codec, recipe
from quantcli.errors import UsageError
from quantcli.recipe.rules import POSITIONS, Recipe, more_bits
from quantcli.recipe.table import build_table

FILE_TYPES = {
    "F32": 0,
    "F16": 1,
    "Q4_0": 2,
    "Q4_1": 3,
    "Q8_0": 7,
    "Q5_0": 8,
    "Q5_1": 9,
    "Q4_K_S": 14,
    "Q4_K_M": 15,
    "Q5_K_S": 16,
    "Q5_K_M": 17,
    "Q6_K": 18,
    "BF16": 32,
}


def test_the_presets_and_their_file_types() -> None:
    known = {name: recipe.resolve(name).file_type for name in recipe.names()}
    assert FILE_TYPES.items() <= known.items()
    assert list(known.values()) == sorted(known.values())


def test_numbers_that_are_llama_cpps_mean_what_they_mean_there() -> None:
    """A file type of llama.cpp's belongs to the preset that llama.cpp calls so, and the reverse."""
    theirs = {
        kind.name.partition("_")[2]: int(kind)
        for kind in LlamaFileType
        if kind != LlamaFileType.GUESSED
    }
    theirs["Q2_0"] = 41  # llama.h has it, the library not yet
    wrong = [
        f"{name} has file_type {number}; llama.cpp's number of {name} is "
        f"{theirs.get(name, 'unknown')}, and {number} is "
        f"{next((n for n, k in theirs.items() if k == number), 'nothing')} there. A preset of "
        f"quantcli's own is numbered from 1000 on."
        for name, number in ((name, recipe.resolve(name).file_type) for name in recipe.names())
        if theirs.get(name, number) != number or (name not in theirs and number < 1000)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "spelled, name",
    [
        ("q4_k_m", "Q4_K_M"),
        (" Q4-K-M ", "Q4_K_M"),
        ("int4", "Q4_K_M"),
        ("Q4_K", "Q4_K_M"),
        ("q5_k", "Q5_K_M"),
        ("INT8", "Q8_0"),
        ("bf16", "BF16"),
    ],
)
def test_spellings(spelled: str, name: str) -> None:
    assert recipe.resolve(spelled).name == name


def test_an_unknown_preset_names_the_nearest_and_all() -> None:
    with pytest.raises(UsageError, match="did you mean Q4_K_M") as caught:
        recipe.resolve("q4_km")
    assert caught.value.exit_code == 2
    assert all(name in str(caught.value) for name in recipe.names())


def test_an_unlike_name_gets_no_guess() -> None:
    with pytest.raises(UsageError) as caught:
        recipe.resolve("zzz")
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("name", recipe.names())
def test_every_rule_speaks_of_known_things(name: str) -> None:
    preset = recipe.resolve(name)
    types = {preset.type, *(rule.type for rule in preset.rules)}
    assert types <= set(codec.names())
    assert {rule.position for rule in preset.rules if rule.position} <= set(POSITIONS)


def test_two_presets_may_not_share_a_name_or_file_type() -> None:
    one = Recipe("A", file_type=1, type="F32")
    with pytest.raises(ValueError, match="called A"):
        build_table([one, Recipe("B", file_type=2, type="F32", aliases=("A",))])
    with pytest.raises(ValueError, match="file type"):
        build_table([one, Recipe("B", file_type=1, type="F32")])


def test_more_bits_takes_the_ends_and_every_third() -> None:
    chosen = [layer for layer in range(30) if more_bits(layer, 30)]
    assert chosen == [0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 26, 27, 28, 29]
