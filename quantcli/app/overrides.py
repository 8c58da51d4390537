"""Metadata that the user sets: which keys may be, how values are read, what a file says of it.

The file names the keys that were set by hand under `quantcli.overrides`, so that `verify` takes
their values from the file, where no checkpoint has them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import cast

from quantcli.arch.architecture import Entry, Value
from quantcli.arch.outputs import runtime_tensors
from quantcli.container.header import EntryLike
from quantcli.container.types import LENGTH_LIMIT
from quantcli.errors import UsageError, listed

MARK = "quantcli.overrides"
MODEL_NAME = "model_name"
"""Stands in `quantcli.overrides` for the name that the other names are derived from."""
NAME_KEY = "general.name"

Metadata = Mapping[str, object]
"""Key → value: a text, read as on the command line, a Python value, or an Entry."""

_KEY = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_LONGEST_KEY = 2**16 - 1
# These say how a file is read.
_FIXED = (
    "general.architecture",
    "general.type",
    "general.alignment",
    "general.file_type",
    "general.quantization_version",
)
# These decide what is computed, or belong to other tools; architectures' names join them.
_RESERVED = ("tokenizer", "quantcli", "quantize", "split", "adapter", "imatrix", "clip")
# Types of the keys of the specification that are not texts.
_KNOWN_TYPES = {
    "general.tags": "array:string",
    "general.languages": "array:string",
    "general.base_model.count": "uint32",
    "general.dataset.count": "uint32",
    "general.sampling.sequence": "string",
    "general.sampling.top_k": "int32",
    "general.sampling.top_p": "float32",
    "general.sampling.min_p": "float32",
    "general.sampling.xtc_probability": "float32",
    "general.sampling.xtc_threshold": "float32",
    "general.sampling.temp": "float32",
    "general.sampling.penalty_last_n": "int32",
    "general.sampling.penalty_repeat": "float32",
    "general.sampling.mirostat": "int32",
    "general.sampling.mirostat_tau": "float32",
    "general.sampling.mirostat_eta": "float32",
}
_RANGES = {
    "uint8": (0, 2**8),
    "int8": (-(2**7), 2**7),
    "uint16": (0, 2**16),
    "int16": (-(2**15), 2**15),
    "uint32": (0, 2**32),
    "int32": (-(2**31), 2**31),
    "uint64": (0, 2**64),
    "int64": (-(2**63), 2**63),
}
_FLOATS = ("float32", "float64")
_BOOLS = {"true": True, "false": False}
_NAMED_TYPE = re.compile(rf"((?:array:)?(?:{'|'.join(('string', 'bool', *_RANGES, *_FLOATS))})):")
_LARGEST = {"float32": 3.4028235e38, "float64": sys.float_info.max}


def check_name(name: str) -> str:
    """Return `name` when a model can be called so.

    Raises:
        UsageError: it is empty or holds what is not printed.
    """
    if not _is_name(name):
        raise UsageError(f"a model cannot be called {name!r}", hint="Use --model-name NAME.")
    return name


def apply(
    general: Sequence[Entry], metadata: Metadata, *, arch: str, named: bool
) -> tuple[Entry, ...]:
    """Return the general.* entries with the user's values in place and the mark behind them.

    A key that is there keeps its place and type; new ones follow in alphabetical order.

    Args:
        general: entries from the checkpoint.
        metadata: what the user sets.
        arch: name of the architecture, whose keys cannot be set.
        named: whether the user also says what the model is called.

    Raises:
        UsageError: keys that cannot be set, or values that do not fit; all listed.
    """
    known = {entry.key: entry.type for entry in general}
    made: dict[str, Entry] = {}
    problems = []
    for key in sorted(metadata):
        reason = refusal(key, arch)
        if named and key == NAME_KEY:
            reason = "is what --model-name NAME sets"
        if reason is None:
            try:
                made[key] = _entry(key, metadata[key], known.get(key) or _specified(key))
            except ValueError as error:
                reason = str(error)
        if reason is not None:
            problems.append(f"{key}: {reason}")
    if problems:
        raise UsageError(
            listed("this metadata cannot be set:", problems),
            hint="Set general.* keys or keys of your own; a text such as uint32:5 names a type.",
        )
    if not made and not named:
        return tuple(general)
    marks = (*([MODEL_NAME] if named else []), *made)
    replaced = [made.pop(entry.key, entry) for entry in general]
    return (*replaced, *made.values(), Entry(MARK, "array:string", marks))


def _specified(key: str) -> str | None:
    """Return the type that the specification has for a key, None for keys of the user's own."""
    return _KNOWN_TYPES.get(key, "string" if key.startswith("general.") else None)


def from_file(entries: Mapping[str, EntryLike]) -> tuple[str | None, dict[str, Entry]]:
    """Return what a file says was set by hand: the model's name or None, and further entries.

    A file may claim anything: keys that cannot be set, or are not there, are left out, so that the
    plan made with the rest differs from the file in `quantcli.overrides`.
    """
    marks = entries[MARK].value if MARK in entries else ()
    arch = _text(entries, "general.architecture") or ""
    marks = tuple(str(mark) for mark in marks) if isinstance(marks, tuple) else ()
    name = _text(entries, NAME_KEY) if MODEL_NAME in marks else None
    found = {}
    for key in marks:
        if key in entries and refusal(key, arch) is None and not (key == NAME_KEY and name):
            kind, value = entries[key].type, entries[key].value
            with suppress(ValueError):
                found[key] = Entry(key, kind, _checked(value, kind))
    return name if name is not None and _is_name(name) else None, found


def _is_name(name: str) -> bool:
    return bool(name.strip()) and name.isprintable()


def _text(entries: Mapping[str, EntryLike], key: str) -> str | None:
    value = entries[key].value if key in entries else None
    return value if isinstance(value, str) else None


def refusal(key: str, arch: str) -> str | None:
    """Return why `key` cannot be set in a file of the architecture `arch`, or None when it can."""
    room = key.split(".", maxsplit=1)[0]
    if not _KEY.fullmatch(key) or len(key) > _LONGEST_KEY:
        return "keys are words of a-z, 0-9, _ and - with dots between them"
    if key in _FIXED:
        return "says how the file is read"
    if room in {*_RESERVED, arch, *runtime_tensors()}:
        return f"{room}.* comes from the checkpoint or says how the file was made"
    return None


def _entry(key: str, given: object, kind: str | None) -> Entry:
    """Return the entry for a value that the user gives.

    Raises:
        ValueError: it is not of the key's type.
    """
    if isinstance(given, str):
        if (found := _NAMED_TYPE.match(given)) is None:
            return _of_text(key, kind or "string", given)
        if kind not in {None, found[1]}:
            raise ValueError(f"is of the type {kind}, not {found[1]}")
        return _of_text(key, found[1], given[found.end() :])
    if isinstance(given, Entry):
        return Entry(key, given.type, _checked(given.value, given.type))
    kind = kind or _type_of(given)
    return Entry(key, kind, _checked(given, kind))


def _of_text(key: str, kind: str, text: str) -> Entry:
    if not kind.startswith("array:"):
        return Entry(key, kind, _checked(_parsed(text, kind), kind))
    inner = kind.removeprefix("array:")
    return Entry(key, kind, _checked([_parsed(item, inner) for item in _items(text)], kind))


def _items(text: str) -> list[str]:
    """Return the items of a list as people write it: JSON, or with commas between them."""
    if not text.startswith("["):
        return [item.strip() for item in text.split(",")] if text else []
    found = json.loads(text)
    return [item if isinstance(item, str) else json.dumps(item) for item in found]


def _parsed(text: str, kind: str) -> object:
    if kind == "string":
        return text
    if kind == "bool":
        if text.lower() not in _BOOLS:
            raise ValueError(f"{text!r} is neither true nor false")
        return _BOOLS[text.lower()]
    convert: Callable[[str], object] = float if kind in _FLOATS else int
    try:
        return convert(text)
    except ValueError:
        raise ValueError(f"{text!r} is no {kind}") from None


def _type_of(value: object) -> str:
    """Return the type of a Python value for a key that has none yet."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (list, tuple)) and value:
        return f"array:{_type_of(value[0])}"
    raise ValueError(f"{value!r} is no value of GGUF")


def _checked(value: object, kind: str) -> Value:
    """Return `value` when it is of the type `kind`."""
    if kind.startswith("array:"):
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{value!r} is no list")
        items = tuple(_checked(item, kind.removeprefix("array:")) for item in value)
        # All items have the one type that follows "array:", so the tuple is one of Value's.
        return cast("Value", items)
    if kind == "string" and isinstance(value, str) and len(value) < LENGTH_LIMIT:
        return value
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind in _RANGES and isinstance(value, int) and not isinstance(value, bool):
        low, high = _RANGES[kind]
        if low <= value < high:
            return value
    if kind in _FLOATS and isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
        if abs(number) <= _LARGEST[kind]:
            return number
    raise ValueError(f"{value!r} is no {kind}")
