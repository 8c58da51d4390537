"""Names of output tensors against those that the `gguf` library lists for an architecture.

A wrong name in a table would give a file that llama.cpp refuses to load; found here, it names
itself to who writes the table.
"""

from __future__ import annotations

import difflib
from functools import cache

from quantcli.arch.architecture import Architecture
from quantcli.errors import ArchitectureError

_PARTS = (".weight", ".bias")
# Tensors that llama.cpp reads without a suffix.
_BARE = ("ssm_a", "ssm_d")


def check_outputs(table: Architecture) -> None:
    """Raise ArchitectureError unless llama.cpp knows every tensor that the table's rows write.

    Raises:
        ArchitectureError: the architecture or tensors are unknown; all are listed, with the name
            that is nearest.
    """
    known = _known(table.name)
    if not known:
        raise ArchitectureError(f"llama.cpp has no architecture {table.name!r}")
    rows = [("", row) for row in table.globals]
    rows += [(stack.block, row) for stack in table.layers for row in stack.rows]
    written = {block.replace("{n}", "{bid}") + row.name for block, row in rows}
    wrong = sorted(
        name
        for name in written
        if name not in beyond(table)
        and (not _stem(name) or _stem(name) not in known | beyond(table))
    )
    if wrong:
        lines = [f"{name}{_near(_stem(name) or name, known)}" for name in wrong]
        raise ArchitectureError(
            "\n  ".join([f"llama.cpp's {table.name} has no tensors of these names:", *lines]),
            hint=f"Correct the table of {table.name} in quantcli/arch/families.",
        )


def beyond(table: Architecture) -> frozenset[str]:
    """Return the names that the table vouches for itself."""
    return frozenset(table.beyond_library)


def _stem(name: str) -> str:
    """Return a name without ".weight" or ".bias", "" for one that must not end as it does."""
    if name.rpartition(".")[2] in _BARE:
        return name
    return next((name.removesuffix(part) for part in _PARTS if name.endswith(part)), "")


def _near(name: str, known: frozenset[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" (perhaps {near[0]})" if near else ""


@cache
def _known(arch: str) -> frozenset[str]:
    """Return the names, {bid} standing for the block, that the library lists for `arch`."""
    import gguf

    return frozenset(
        gguf.TENSOR_NAMES[tensor]
        for key, name in gguf.MODEL_ARCH_NAMES.items()
        if name == arch
        for tensor in gguf.MODEL_TENSORS[key]
    )
