"""Fields that a model's class fills in when config.json lacks them.

Constants are frozen from transformers' classes (class_defaults.json, written by
scripts/freeze_class_defaults.py); what a class computes from other fields, and classes that only
exist as remote code, are in the architecture's table, which comes first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from quantcli.arch.architecture import Architecture
from quantcli.arch.facts import Facts
from quantcli.errors import ConfigError

_FILE = Path(__file__).with_name("class_defaults.json")


@cache
def _types() -> Mapping[str, Mapping[str, Any]]:
    """Return the frozen records by model type: fields, class, the type of the text model inside."""
    types: Mapping[str, Mapping[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))["types"]
    return types


def text_class(config: Mapping[str, Any], merged: Mapping[str, Any]) -> str | None:
    """Return the class of the text model inside a model of several parts, None if unknown.

    Args:
        config: config.json.
        merged: the same with the text model's fields over the others.
    """
    kind = merged.get("model_type")
    if kind == config.get("model_type"):
        kind = _types().get(str(kind), {}).get("text")
    name: str | None = _types().get(str(kind), {}).get("class")
    return name


def class_defaults(table: Architecture, facts: Facts) -> Mapping[str, Any]:
    """Return the fields that the model's class fills in, by its model type or else by its name.

    Values are constants, or functions of the facts before any default.
    """
    own = {**_types().get(_kind(table, facts), {}).get("fields", {})}
    return own | dict(table.defaults.get(_kind(table, facts), {}))


def _kind(table: Architecture, facts: Facts) -> str:
    said = facts.config.get("model_type")
    if said is None:
        classes = (kind for kind, record in _types().items() if record.get("class") == facts.hf)
        said = next(classes, None)
    if said is None:
        said = next((name for name in table.defaults if name in facts.hf.lower()), None)
    inner = _types().get(str(said), {}).get("text")
    return str(inner if inner and said not in table.defaults else said)


def with_defaults(table: Architecture, facts: Facts) -> Facts:
    """Return the facts with what the model's class fills in.

    A null stays a null where the class has a constant, and is filled where it computes the value.
    """
    defaults = class_defaults(table, facts)
    computed = {name for name, value in defaults.items() if callable(value)}
    config = {k: v for k, v in facts.config.items() if v is not None or k not in computed}
    plain = {name: value for name, value in defaults.items() if name not in computed}
    bare = replace(facts, config=config, defaults=plain)
    filled = {name: _value(defaults[name], bare) for name in computed if name not in config}
    return replace(bare, defaults={**plain, **filled})


def _value(compute: Any, facts: Facts) -> Any:
    try:
        return compute(facts)
    except ConfigError:
        return None  # the field it derives from is reported by its own key
