"""All transforms by name."""

from __future__ import annotations

from functools import cache

from quantcli.transform.chain import SEPARATOR, chain
from quantcli.transform.constants import CONSTANTS
from quantcli.transform.elementwise import ADD, MULTIPLY, MULTIPLY_RUNS, NEGATIVE_EXPONENTIAL
from quantcli.transform.fill import PAD_ROWS, ZEROS
from quantcli.transform.identity import IDENTITY
from quantcli.transform.join import CONCAT, STACK
from quantcli.transform.pick import PICK, PICK_COLUMNS
from quantcli.transform.reshape import RESHAPE
from quantcli.transform.rope_factors import ROPE_FACTORS_LLAMA3
from quantcli.transform.rope_permute import ROPE_PERMUTE
from quantcli.transform.ternary import TERNARY
from quantcli.transform.transform import Transform
from quantcli.transform.transpose import TRANSPOSE
from quantcli.transform.unit_rows import UNIT_ROWS

_TRANSFORMS = {
    transform.name: transform
    for transform in (
        IDENTITY,
        TRANSPOSE,
        RESHAPE,
        ROPE_PERMUTE,
        PICK,
        PICK_COLUMNS,
        STACK,
        CONCAT,
        ADD,
        MULTIPLY,
        MULTIPLY_RUNS,
        NEGATIVE_EXPONENTIAL,
        ROPE_FACTORS_LLAMA3,
        CONSTANTS,
        ZEROS,
        PAD_ROWS,
        TERNARY,
        UNIT_ROWS,
    )
}


@cache
def get(name: str) -> Transform:
    """Return the transform called `name`, or several joined by "|" as one.

    Raises:
        KeyError: there is none; the names of all are in the message.
    """
    if SEPARATOR in name:
        return chain(tuple(get(part) for part in name.split(SEPARATOR)))
    try:
        return _TRANSFORMS[name]
    except KeyError:
        known = ", ".join(sorted(_TRANSFORMS))
        raise KeyError(f"no transform {name!r}; there are {known}") from None


def names() -> tuple[str, ...]:
    """Return the names of all transforms."""
    return tuple(_TRANSFORMS)
