"""quantcli turns a Hugging Face checkpoint straight into a quantized GGUF file.

The functions of the command line, for Python:

    quantcli.plan(model, "Q4_K_M")              what a conversion would do, to the byte
    quantcli.convert(model, "Q4_K_M", output)   do it; interrupted, the same call goes on
    quantcli.batch(folder, ["Q4_K_M", "Q8_0"])  the same for every checkpoint in a folder
    quantcli.load_plan(file)                    a plan that was saved as JSON
    quantcli.inspect(path)                      what a GGUF file holds, or what a checkpoint is
    quantcli.verify(file, against=model)        whether it holds what it should
    quantcli.read_imatrix(files)                an importance matrix, or several merged
    quantcli.archs()                            the architectures, their classes, their proofs
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
    from quantcli.app.archs import Archs, archs
    from quantcli.app.arrays import dequantize, quantize
    from quantcli.app.batch import Batch, batch
    from quantcli.app.convert import Conversion, convert
    from quantcli.app.inspect import Inspection, inspect
    from quantcli.app.inspect_checkpoint import CheckpointInspection
    from quantcli.app.plan import load_plan, plan
    from quantcli.app.types import Types, types
    from quantcli.app.verify import Verification, verify
    from quantcli.errors import QuantcliError
    from quantcli.importance import Importance, read_imatrix
    from quantcli.planning.plan import Plan

__all__ = [
    "Archs",
    "Batch",
    "CheckpointInspection",
    "Conversion",
    "Importance",
    "Inspection",
    "Plan",
    "QuantcliError",
    "Types",
    "Verification",
    "__version__",
    "archs",
    "batch",
    "convert",
    "dequantize",
    "inspect",
    "load_plan",
    "plan",
    "quantize",
    "read_imatrix",
    "types",
    "verify",
]

_HOMES = {
    "Archs": "quantcli.app.archs",
    "Batch": "quantcli.app.batch",
    "CheckpointInspection": "quantcli.app.inspect_checkpoint",
    "Conversion": "quantcli.app.convert",
    "Importance": "quantcli.importance",
    "Inspection": "quantcli.app.inspect",
    "Plan": "quantcli.planning.plan",
    "QuantcliError": "quantcli.errors",
    "Types": "quantcli.app.types",
    "Verification": "quantcli.app.verify",
    "archs": "quantcli.app.archs",
    "batch": "quantcli.app.batch",
    "convert": "quantcli.app.convert",
    "dequantize": "quantcli.app.arrays",
    "inspect": "quantcli.app.inspect",
    "load_plan": "quantcli.app.plan",
    "plan": "quantcli.app.plan",
    "quantize": "quantcli.app.arrays",
    "read_imatrix": "quantcli.importance",
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
