"""What takes a type's place when a row is not a whole number of its blocks."""

from __future__ import annotations

from quantcli import codec

# llama.cpp's choice; where that does not fit either, and for every other type, it is F16.
_INSTEAD = {
    "IQ1_S": "IQ4_NL",
    "IQ1_M": "IQ4_NL",
    "IQ2_XXS": "IQ4_NL",
    "IQ2_XS": "IQ4_NL",
    "IQ2_S": "IQ4_NL",
    "IQ3_XXS": "IQ4_NL",
    "IQ3_S": "IQ4_NL",
    "IQ4_XS": "IQ4_NL",
    "Q2_0": "Q4_0",
    "Q2_K": "Q4_0",
    "Q3_K": "Q4_0",
    "TQ1_0": "Q4_0",
    "TQ2_0": "Q4_0",
    "Q4_K": "Q5_0",
    "Q5_K": "Q5_1",
    "Q6_K": "Q8_0",
}
_LAST = "F16"


def fits(name: str, columns: int) -> bool:
    """Whether rows of `columns` elements are whole blocks of the type `name`."""
    return columns % codec.get(name).block == 0


def fallback(name: str, columns: int) -> str:
    """Return `name`, or the type that takes its place for rows of `columns` elements."""
    for kind in (name, _INSTEAD.get(name, name)):
        if fits(kind, columns):
            return kind
    return _LAST
