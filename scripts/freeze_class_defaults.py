"""Freeze the config fields that transformers' classes fill in when config.json lacks them.

Runs where transformers is installed, which quantcli itself never needs:

    python scripts/freeze_class_defaults.py

Writes quantcli/arch/class_defaults.json: for every model type of a text model its fields with a
constant default (those that the class computes are the tables' business), the class of its language
model, and, for a model around a text model, the text model's type. Fields that say nothing about
the computation (`quantcli.arch.account.IGNORED`) and null defaults are left out.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import importlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quantcli.arch.account import IGNORED

TARGET = Path(__file__).resolve().parent.parent / "quantcli" / "arch" / "class_defaults.json"
_NESTED = ("text_config", "llm_config", "language_config", "thinker_config")
_MAPPINGS = (
    "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    "MODEL_FOR_MASKED_LM_MAPPING_NAMES",
    "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
    "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES",
)


def main() -> None:
    """Write the file."""
    warnings.filterwarnings("ignore")
    transformers: Any = importlib.import_module("transformers")
    auto: Any = importlib.import_module("transformers.models.auto.modeling_auto")
    classes = {
        kind: name for mapping in _MAPPINGS[::-1] for kind, name in getattr(auto, mapping).items()
    }
    types: dict[str, Any] = {}
    pending = [*classes, "gpt_bigcode", "t5", "bert"]
    while pending:
        kind = pending.pop()
        if kind in types or kind not in transformers.CONFIG_MAPPING:
            continue
        config = transformers.CONFIG_MAPPING[kind]
        record: dict[str, Any] = {"fields": fields(config)}
        name = classes.get(kind)
        if isinstance(name, str):
            record["class"] = name
        text = nested(config)
        if text:
            record["text"] = text
            pending.append(text)
        types[kind] = record
    lines = (f"{json.dumps(k)}: {json.dumps(types[k], sort_keys=True)}" for k in sorted(types))
    head = f'"transformers": {json.dumps(transformers.__version__)},\n"types": {{\n'
    TARGET.write_text("{" + head + ",\n".join(lines) + "\n}}\n", encoding="utf-8")


def fields(config: Any) -> Mapping[str, Any]:
    """Return a config class's fields with a constant default that matters."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = field.default
        if value is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        ignored = any(fnmatch.fnmatchcase(field.name, pattern) for pattern in IGNORED)
        if value is None or value is dataclasses.MISSING or ignored or not plain(value):
            continue
        found[field.name] = list(value) if isinstance(value, tuple) else value
    theta = getattr(config, "default_theta", None)
    if isinstance(theta, Mapping):
        found["rope_theta"] = theta.get("global")
        found["rope_local_base_freq"] = theta.get("local")
    elif theta is not None:
        found["rope_theta"] = theta
    return {name: value for name, value in found.items() if value is not None}


def plain(value: Any) -> bool:
    """Tell whether JSON holds `value` as it is."""
    if isinstance(value, (list, tuple)):
        return all(plain(each) for each in value)
    return isinstance(value, (bool, int, float, str))


def nested(config: Any) -> str | None:
    """Return the type of the text model inside, None for a model that is one."""
    parts = getattr(config, "sub_configs", {})
    text = next((parts[name] for name in _NESTED if name in parts), None)
    kind = getattr(text, "model_type", None)
    return kind if isinstance(kind, str) and kind else None


if __name__ == "__main__":
    main()
