"""quantcli turns a Hugging Face checkpoint straight into a quantized GGUF file.

The functions of the command line, for Python:

    quantcli.plan(model, "Q4_K_M")              what a conversion would do, to the byte
    quantcli.convert(model, "Q4_K_M", output)   do it; interrupted, the same call goes on
    quantcli.inspect(file)                      what a GGUF file holds
    quantcli.verify(file, against=model)        whether it holds what it should
    quantcli.types()                            every tensor type, its size and its error
    quantcli.quantize(array, "Q4_K")            arrays in memory: encode …
    quantcli.dequantize(blocks, "Q4_K", shape)  … and decode

Everything is imported on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib

from quantcli._version import __version__

# Not taken from typing: importing that takes longer than all the rest, and `python -m` would take
# a module of that name from the current folder.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from quantcli.app.arrays import dequantize, quantize
    from quantcli.app.convert import convert
    from quantcli.app.inspect import inspect
    from quantcli.app.plan import plan
    from quantcli.app.types import types
    from quantcli.app.verify import verify
    from quantcli.errors import QuantcliError

__all__ = [
    "QuantcliError",
    "__version__",
    "convert",
    "dequantize",
    "inspect",
    "plan",
    "quantize",
    "types",
    "verify",
]

_HOMES = {
    "QuantcliError": "quantcli.errors",
    "convert": "quantcli.app.convert",
    "dequantize": "quantcli.app.arrays",
    "inspect": "quantcli.app.inspect",
    "plan": "quantcli.app.plan",
    "quantize": "quantcli.app.arrays",
    "types": "quantcli.app.types",
    "verify": "quantcli.app.verify",
}


def __getattr__(name: str) -> object:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return __all__
