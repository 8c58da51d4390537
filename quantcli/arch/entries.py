"""From a table's keys to metadata entries, every missing or ill-typed config field reported."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, cast

import numpy as np

from quantcli.arch.architecture import Entry, Key, Value
from quantcli.arch.facts import Facts, MissingFieldError, is_number
from quantcli.errors import ConfigError, listed

_INTEGERS = {"uint32": (0, 2**32), "int32": (-(2**31), 2**31), "uint64": (0, 2**64)}


def make_entries(arch: str, keys: Iterable[Key], facts: Facts, where: str) -> tuple[Entry, ...]:
    """Return the entries that `keys` give for a model; keys without a value give none.

    Args:
        arch: what `{arch}` in a key stands for.
        keys: rows of an architecture's metadata table.
        facts: the model's facts.
        where: the config file, for errors.

    Raises:
        ConfigError: required fields are missing, or values are not of the key's type; all listed.
    """
    entries: list[Entry] = []
    problems: list[str] = []
    for key in keys:
        name = key.name.replace("{arch}", arch)
        try:
            value, fields = facts.watched(partial(_value, key))
            if value is not None:
                kind = _kind(key, value)
                typed = _typed(value, kind, name, fields)
                for each in typed if isinstance(typed, tuple) else (typed,):
                    _in_range(each, key, name, fields)
                entries.append(Entry(name, kind, typed))
        except MissingFieldError as error:
            problems.append(f"missing field {' or '.join(error.fields)} (for {name})")
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(
            listed("the configuration is incomplete or wrong:", dict.fromkeys(problems)),
            where=where,
            hint="Take config.json from the model's original source.",
        )
    return tuple(entries)


def _kind(key: Key, value: Any) -> str:
    """Return the type of the entry: that of the key, or an array of it with a value a layer."""
    if key.layered and isinstance(value, (list, tuple)):
        return "array:" + ("int32" if key.type == "uint32" else key.type)
    return key.type


def _value(key: Key, facts: Facts) -> Any:
    value = key.derive(facts) if key.derive else facts.get(*key.fields)
    if value is None and key.required:
        raise MissingFieldError(key.fields)
    return value


def _in_range(value: Value, key: Key, name: str, fields: tuple[str, ...]) -> None:
    """Raise ConfigError when a number is outside of what the key allows."""
    if not isinstance(value, (int, float)):
        return
    # What float32 rounds to 0 or to infinity is 0 or infinity to the runtime.
    stored = float(np.float32(value)) if key.type == "float32" else value
    wrong = None
    if key.at_least is not None and stored < key.at_least:
        wrong = f"at least {key.at_least:g}"
    elif key.above is not None and stored <= key.above:
        wrong = f"above {key.above:g}"
    elif key.at_most is not None and stored > key.at_most:
        wrong = f"at most {key.at_most:g}"
    if wrong:
        source = " with ".join(fields) or "the value"
        raise ConfigError(f"{source} is {value} (for {name}), not {wrong}")


def _typed(value: Any, kind: str, name: str, fields: tuple[str, ...]) -> Value:
    """Return `value` as the Python value that an entry of type `kind` holds."""
    source = f"{' or '.join(fields)} (for {name})" if fields else f"the value for {name}"
    if kind.startswith("array:"):
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{source} is {value!r}, not a list")
        items = tuple(_typed(item, kind[6:], name, fields) for item in value)
        # All items have the one type that follows "array:", so the tuple is one of Value's.
        return cast("Value", items)
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value < high:
            raise ConfigError(f"{source} is {value!r}, not a {kind}")
        return value
    if kind == "float32":
        if not is_number(value):
            raise ConfigError(f"{source} is {value!r}, not a finite number")
        return float(value)
    if isinstance(value, bool if kind == "bool" else str):
        return value
    raise ConfigError(f"{source} is {value!r}, not a {kind}")
