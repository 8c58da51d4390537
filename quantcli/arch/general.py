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
from quantcli.checkpoint.naming import model_name
from quantcli.errors import ConfigError

# What the library's readers of YAML, JSON and free-form cards raise on contents they do not expect.
_LIBRARY_ERRORS = (OSError, ValueError, TypeError, AttributeError, KeyError, AssertionError)


# Sampling advice: the library's field → the field of generation_config.json.
_SAMPLING = {
    "sampling_sequence": "sequence",
    "sampling_top_k": "top_k",
    "sampling_top_p": "top_p",
    "sampling_min_p": "min_p",
    "sampling_xtc_probability": "xtc_probability",
    "sampling_xtc_threshold": "xtc_threshold",
    "sampling_temp": "temperature",
    "sampling_penalty_last_n": "penalty_last_n",
    "sampling_penalty_repeat": "penalty_repeat",
    "sampling_mirostat": "mirostat",
    "sampling_mirostat_tau": "mirostat_tau",
    "sampling_mirostat_eta": "mirostat_eta",
}


def general_entries(root: Path, model: Model, *, name: str | None = None) -> tuple[Entry, ...]:
    """Return the general.* entries, general.architecture first, without file type and version.

    They depend on the model's files and what the model is called only, not on where it lies.

    Args:
        root: the model's folder.
        model: the expanded model, whose weights are counted for general.size_label.
        name: what the model is called; by default what its card says or else its folder's name.

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
        metadata = gguf.Metadata.apply_metadata_heuristic(
            gguf.Metadata(),
            gguf.Metadata.load_model_card(folder),
            gguf.Metadata.load_hf_parameters(folder),
            Path(name or model_name(folder)),
            total,
        )
        advice = gguf.Metadata.load_generation_config(folder) or {}
        for field, key in _SAMPLING.items():
            setattr(metadata, field, advice.get(key))
        metadata.name = name or metadata.name or model_name(folder)
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
