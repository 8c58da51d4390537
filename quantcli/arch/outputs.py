"""Names of output tensors against those that llama.cpp loads for an architecture.

A wrong name in a table would give a file that llama.cpp refuses to load; found here, it names
itself to who writes the table. The names are read from llama.cpp's sources (runtime.json, written
by scripts/read_runtime.py), because the `gguf` library's lists lag behind and name tensors that no
loader asks for.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from quantcli.arch.architecture import Architecture
from quantcli.errors import ArchitectureError

_FILE = Path(__file__).with_name("runtime.json")


def check_outputs(table: Architecture) -> None:
    """Raise ArchitectureError unless llama.cpp loads every tensor that the table's rows write.

    Raises:
        ArchitectureError: the architecture or tensors are unknown; all are listed, with the name
            that is nearest.
    """
    known = runtime_tensors().get(table.name)
    if known is None:
        raise ArchitectureError(f"llama.cpp has no architecture {table.name!r}")
    rows = [("", row) for row in table.globals]
    rows += [(stack.block, row) for stack in table.layers for row in stack.rows]
    written = {block.replace("{n}", "{bid}") + row.name for block, row in rows}
    if wrong := sorted(written - known):
        lines = [f"{name}{_near(name, known)}" for name in wrong]
        raise ArchitectureError(
            "\n  ".join([f"llama.cpp's {table.name} has no tensors of these names:", *lines]),
            hint=f"Correct the table of {table.name} in quantcli/arch/families.",
        )


@cache
def runtime_tensors() -> Mapping[str, frozenset[str]]:
    """Return for each architecture that llama.cpp loads its tensors' names, {bid} the block."""
    return {arch: frozenset(names) for arch, names in _read()["architectures"].items()}


@cache
def runtime_keys() -> frozenset[str]:
    """Return the metadata keys that llama.cpp reads, {arch} standing for the architecture."""
    return frozenset(_read()["keys"])


def _read() -> Any:
    return json.loads(_FILE.read_text(encoding="utf-8"))


def _near(name: str, known: frozenset[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" (perhaps {near[0]})" if near else ""
