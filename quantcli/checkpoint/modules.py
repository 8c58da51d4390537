"""Weights of a sentence-transformers folder's dense layers, which lie in folders of their own.

modules.json lists what follows the transformer; a dense layer has its weights in a file of its own,
under names that every such file has. They are told apart by the folder: "2_Dense.linear.weight".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from quantcli.checkpoint.json_file import read_json
from quantcli.checkpoint.paths import is_inside
from quantcli.checkpoint.source import TensorRef

_MODULES = "modules.json"
_WEIGHTS = "model.safetensors"


def dense_files(root: Path) -> tuple[str, ...]:
    """Return the files of weights of the dense layers that modules.json lists, those that exist.

    Raises:
        ConfigError: modules.json cannot be read.
    """
    modules = read_json(root, _MODULES) if (root / _MODULES).is_file() else None
    if not isinstance(modules, list):
        return ()
    dense = (
        module.get("path")
        for module in modules
        if isinstance(module, dict) and str(module.get("type", "")).endswith("Dense")
    )
    files = (f"{path}/{_WEIGHTS}" for path in dense if isinstance(path, str) and _folder(path))
    return tuple(file for file in files if (root / file).is_file())


def _folder(path: str) -> bool:
    """Tell whether a path is a folder in the model's own, and not deeper."""
    return bool(path) and "/" not in path and "\\" not in path and is_inside(path)


def renamed(headers: Mapping[str, Iterable[TensorRef]]) -> dict[str, TensorRef]:
    """Return the tensors of dense layers by file, under names that tell the layer."""
    return {
        name: replace(ref, name=name)
        for file, members in headers.items()
        for ref in members
        for name in (f"{file.partition('/')[0]}.{ref.name}",)
    }
