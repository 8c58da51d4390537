"""All transforms by name."""

from __future__ import annotations

from quantcli.transform.constants import CONSTANTS
from quantcli.transform.identity import IDENTITY
from quantcli.transform.rope_factors import ROPE_FACTORS_LLAMA3
from quantcli.transform.rope_permute import ROPE_PERMUTE
from quantcli.transform.transform import Transform
from quantcli.transform.transpose import TRANSPOSE

_TRANSFORMS = {
    transform.name: transform
    for transform in (IDENTITY, TRANSPOSE, ROPE_PERMUTE, ROPE_FACTORS_LLAMA3, CONSTANTS)
}


def get(name: str) -> Transform:
    """Return the transform called `name`.

    Raises:
        KeyError: there is none; the names of all are in the message.
    """
    try:
        return _TRANSFORMS[name]
    except KeyError:
        known = ", ".join(sorted(_TRANSFORMS))
        raise KeyError(f"no transform {name!r}; there are {known}") from None


def names() -> tuple[str, ...]:
    """Return the names of all transforms."""
    return tuple(_TRANSFORMS)
