"""The general.* metadata: name, version, size, license, languages, origin and sampling advice.

What it says comes from the model card's front matter, config.json, generation_config.json and the
folder's name, by the heuristics of the `gguf` library, which llama.cpp's converter uses too.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from quantcli.arch.architecture import Entry, Model, TensorSpec, Value
from quantcli.errors import ConfigError

# What the library's readers of YAML, JSON and free-form cards raise on contents they do not expect.
_LIBRARY_ERRORS = (OSError, ValueError, TypeError, AttributeError, KeyError, AssertionError)


def general_entries(root: Path, model: Model) -> tuple[Entry, ...]:
    """Return the general.* entries, general.architecture first, without file type and version.

    They depend on the model's files and its folder's name only, not on where the folder lies.

    Args:
        root: the model's folder.
        model: the expanded model, whose weights are counted for general.size_label.

    Raises:
        ConfigError: the model card or a JSON file cannot be understood.
    """
    import gguf
    from yaml import YAMLError

    # A model is often a symbolic link into a cache; the link's name says what it is.
    folder = Path(os.path.abspath(root))  # noqa: PTH100 - Path.resolve would follow the link
    writer = gguf.GGUFWriter(None, model.traits.arch)
    try:
        total, shared, experts, expert_count = _count(writer, model.specs)
        metadata = gguf.Metadata.load(None, folder, None, total)
        metadata.name = metadata.name or folder.name
        if metadata.size_label is None and total > 0:
            metadata.size_label = gguf.size_label(total, shared, experts, expert_count)
        writer.add_type(gguf.GGUFType.MODEL)
        metadata.set_gguf_meta_model(writer)
    except (*_LIBRARY_ERRORS, YAMLError) as error:
        raise ConfigError(
            f"the model card (README.md), config.json or generation_config.json says something "
            f"that cannot be understood: {error}",
            where=str(root),
            hint="Correct the front matter of README.md, or move the file away.",
        ) from error
    items = writer.kv_data[0].items()
    return tuple(_entry(key, item.value, item.type.name.lower(), root) for key, item in items)


def _count(writer: Any, specs: Iterable[TensorSpec]) -> tuple[int, int, int, int]:
    """Return all weights, those outside experts, those of one expert, and the experts' number."""
    import numpy as np

    for spec in specs:
        nbytes = 4 * math.prod(spec.shape)
        writer.add_tensor_info(spec.name, spec.shape, np.dtype(np.float32), nbytes)
    total, shared, experts, expert_count = writer.get_total_parameter_count()
    return total, shared, experts, expert_count


_CONVERSIONS: dict[str, Callable[[Any], Value]] = {
    "string": str,
    "bool": bool,
    "uint32": int,
    "int32": int,
    "float32": float,
}


def _entry(key: str, value: Any, kind: str, root: Path) -> Entry:
    """Return the entry, its value made to fit its type: cards hold numbers where text belongs."""
    try:
        if kind == "array":
            return Entry(key, "array:string", tuple(str(item) for item in value))
        return Entry(key, kind, _CONVERSIONS[kind](value))
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{key} cannot be {value!r}", where=str(root), hint="Correct generation_config.json."
        ) from error
