"""The general.* metadata: name, version, size, license, languages, origin and sampling advice.

What it says comes from the model card's front matter, config.json, generation_config.json and the
model's name, by the heuristics of the `gguf` library, which llama.cpp's converter uses too. None of
it decides whether a model can be converted: what cannot be understood is left out and noted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from quantcli.arch.architecture import Entry, Model, TensorSpec, Value
from quantcli.arch.card import CARD, is_local_path, read_card
from quantcli.checkpoint.json_file import read_object
from quantcli.checkpoint.naming import model_name
from quantcli.errors import ConfigError, enumerated

# What the library's heuristics raise on contents they do not expect.
_LIBRARY_ERRORS = (ValueError, TypeError, AttributeError, KeyError, IndexError, AssertionError)
_GENERATION = "generation_config.json"
_ORIGIN = "_name_or_path"
_ID = re.compile(r"[\w.-]+(?:/[\w.-]+)?")
_UNNAMED = "model"


def general_entries(
    root: Path, model: Model, *, name: str | None = None
) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """Return the general.* entries, and notes on what was left out.

    general.architecture comes first; file type and version are not among them. They depend on the
    model's files and what the model is called only, not on where it lies.

    Args:
        root: the model's folder.
        model: the expanded model, whose weights are counted for general.size_label.
        name: what the model is called; by default what its card says, or else its folder's name.
    """
    card = read_card(root)
    sampling, notes = _sampling(root)
    try:
        entries = _entries(root, model, name, card.fields, sampling)
    except _LIBRARY_ERRORS as error:
        entries = _entries(root, model, name, {}, sampling)
        return entries, (f"{CARD} is left aside: {error}", *notes)
    return entries, (*card.notes, *notes)


def _entries(
    root: Path,
    model: Model,
    given: str | None,
    card: dict[str, Any],
    sampling: dict[str, Value],
) -> tuple[Entry, ...]:
    import gguf

    writer = gguf.GGUFWriter(None, model.traits.arch)
    total, shared, experts, expert_count = _count(writer, model.specs)
    name = given or model_name(root) or _UNNAMED
    # Only the last component of the path is looked at.
    metadata = gguf.Metadata.apply_metadata_heuristic(
        gguf.Metadata(), card, _origin(root), Path(name), total
    )
    metadata.name = given or metadata.name or name
    if metadata.size_label is None and total > 0:
        metadata.size_label = gguf.size_label(total, shared, experts, expert_count)
    for field, value in sampling.items():
        setattr(metadata, field, value)
    writer.add_type(gguf.GGUFType.MODEL)
    metadata.set_gguf_meta_model(writer)
    items = writer.kv_data[0].items()
    return tuple(_entry(key, item.value, item.type.name.lower()) for key, item in items)


def _count(writer: Any, specs: Iterable[TensorSpec]) -> tuple[int, int, int, int]:
    """Return all weights, those outside experts, those of one expert, and the experts' number."""
    import numpy as np

    for spec in specs:
        nbytes = 4 * math.prod(spec.shape)
        writer.add_tensor_info(spec.name, spec.shape, np.dtype(np.float32), nbytes)
    total, shared, experts, expert_count = writer.get_total_parameter_count()
    return total, shared, experts, expert_count


def _origin(root: Path) -> dict[str, Any]:
    """Return config.json's id of the model it was trained from, if it is an id and not a path."""
    try:
        origin = read_object(root, "config.json").get(_ORIGIN)
    except ConfigError:
        return {}
    is_id = isinstance(origin, str) and _ID.fullmatch(origin) and not is_local_path(origin)
    return {_ORIGIN: origin} if is_id else {}


_CONVERSIONS: dict[str, Callable[[Any], Value]] = {
    "string": str,
    "bool": bool,
    "uint32": int,
    "int32": int,
    "float32": float,
}


def _entry(key: str, value: Any, kind: str) -> Entry:
    """Return the entry, its value made to fit its type: cards hold numbers where text belongs."""
    if kind == "array":
        return Entry(key, "array:string", tuple(str(item) for item in value))
    return Entry(key, kind, _CONVERSIONS[kind](value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _int32(value: Any) -> int:
    number = int(_number(value))
    if number != _number(value) or not -(2**31) <= number < 2**31:
        raise ValueError
    return number


def _float32(value: Any) -> float:
    number = _number(value)
    if not abs(number) <= 3.4028234663852886e38:
        raise ValueError
    return number


# generation_config.json's field → the library's field and what it must be.
_SAMPLING: dict[str, tuple[str, Callable[[Any], Value]]] = {
    "sequence": ("sampling_sequence", _text),
    "top_k": ("sampling_top_k", _int32),
    "top_p": ("sampling_top_p", _float32),
    "min_p": ("sampling_min_p", _float32),
    "xtc_probability": ("sampling_xtc_probability", _float32),
    "xtc_threshold": ("sampling_xtc_threshold", _float32),
    "temperature": ("sampling_temp", _float32),
    "penalty_last_n": ("sampling_penalty_last_n", _int32),
    "penalty_repeat": ("sampling_penalty_repeat", _float32),
    "mirostat": ("sampling_mirostat", _int32),
    "mirostat_tau": ("sampling_mirostat_tau", _float32),
    "mirostat_eta": ("sampling_mirostat_eta", _float32),
}


def _sampling(root: Path) -> tuple[dict[str, Value], tuple[str, ...]]:
    """Return the sampling advice by the library's names, and a note on what is none."""
    if not (root / _GENERATION).is_file():
        return {}, ()
    try:
        advice = read_object(root, _GENERATION)
    except ConfigError as error:
        return {}, (f"{_GENERATION} is left aside: {error.message}",)
    kept: dict[str, Value] = {}
    dropped = []
    for field, (name, convert) in _SAMPLING.items():
        value = advice.get(field)
        if value is None:
            continue
        try:
            kept[name] = convert(value)
        except (TypeError, ValueError, OverflowError):
            dropped.append(f"{field} {str(value)[:80]!r}")
    if not dropped:
        return kept, ()
    return kept, (f"{_GENERATION}: left out as not understood: {enumerated(dropped)}",)
