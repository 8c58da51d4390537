"""Block formats: encode and decode every tensor type, found by name or by GGUF number."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import MappingProxyType

from quantcli.codec import formats
from quantcli.codec.codec import EFFORTS, Codec, ScaleOverflowError
from quantcli.codec.layout.bits import has_nonfinite
from quantcli.errors import UsageError

__all__ = ["EFFORTS", "Codec", "ScaleOverflowError", "by_id", "get", "has_nonfinite", "names"]


@cache
def _table() -> MappingProxyType[str, Codec]:
    """Codecs by name, one per module of `quantcli.codec.formats`, in the order of their numbers."""
    found: list[Codec] = [
        importlib.import_module(f"{formats.__name__}.{module.name}").CODEC
        for module in pkgutil.iter_modules(formats.__path__)
    ]
    found.sort(key=lambda codec: codec.ggml_type)
    table = {codec.name: codec for codec in found}
    if len(table) != len(found) or len({codec.ggml_type for codec in found}) != len(found):
        raise AssertionError("two formats share a name or a number")
    return MappingProxyType(table)


@cache
def _spellings() -> MappingProxyType[str, Codec]:
    return MappingProxyType({name.upper(): codec for name, codec in _table().items()})


def names() -> tuple[str, ...]:
    """Names of all tensor types, in the order of their GGUF numbers."""
    return tuple(_table())


def get(name: str) -> Codec:
    """The codec called `name`, in any case.

    Raises:
        UsageError: no such type.
    """
    codec = _spellings().get(name.upper())
    if codec is None:
        raise UsageError(f"unknown tensor type {name!r}", hint=f"Known: {', '.join(names())}")
    return codec


def by_id(ggml_type: int) -> Codec:
    """The codec with a GGUF type number.

    Raises:
        UsageError: no such type.
    """
    for codec in _table().values():
        if codec.ggml_type == ggml_type:
            return codec
    raise UsageError(f"unknown tensor type number {ggml_type}", hint=f"Known: {', '.join(names())}")
