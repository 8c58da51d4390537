"""From an architecture's table and a checkpoint's headers to every tensor and key of the output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from quantcli.arch.architecture import Architecture, Model, TensorSpec, Traits
from quantcli.arch.entries import make_entries
from quantcli.arch.facts import Facts, text_config
from quantcli.arch.keys import LAYERS, experts, heads, heads_kv
from quantcli.arch.matching import Matcher, canonical_names
from quantcli.arch.registry import find
from quantcli.checkpoint.source import TensorRef
from quantcli.errors import ConfigError

_CONFIG = "config.json"


def expand(config: Mapping[str, Any], refs: Mapping[str, TensorRef], root: Path) -> Model:
    """Return the model that a checkpoint holds, all tensors and keys resolved.

    Args:
        config: config.json.
        refs: the checkpoint's tensors by name.
        root: the model's folder; small JSON files beside config.json may be read.

    Raises:
        ArchitectureError: unknown architecture; tensors missing, left over, of a dtype or shape
            that does not fit (all of them listed).
        ConfigError: config fields missing (all of them listed) or of the wrong kind.
    """
    where = str(root / _CONFIG)
    table, facts, names = _recognise(config, refs, root)
    entries = make_entries(table.name, table.keys, facts, where)
    vocab_entries = make_entries(table.name, table.vocab_keys, facts, where)
    try:
        matcher = Matcher(facts, names, refs, str(root))
        specs = matcher.match(table)
        traits = _traits(table, facts, specs)
    except ConfigError as error:
        raise ConfigError(error.message, where=error.where or where) from error
    return Model(
        traits=traits,
        specs=specs,
        entries=entries,
        vocab=table.vocab,
        vocab_entries=vocab_entries,
        vocab_rows=next((s.shape[0] for s in specs if s.name == "token_embd.weight"), 0),
        notes=matcher.notes,
    )


def _recognise(
    config: Mapping[str, Any], refs: Mapping[str, TensorRef], root: Path
) -> tuple[Architecture, Facts, dict[str, str]]:
    """Return the table, the facts with class defaults, and canonical name → checkpoint name."""
    merged = text_config(config)
    where = str(root / _CONFIG)
    classes = merged.get("architectures")
    if not isinstance(classes, list) or not classes or not isinstance(classes[0], str):
        raise ConfigError('has no "architectures" with the name of a class', where=where)
    table = find(classes[0], where)
    names = canonical_names(table, refs, str(root))
    facts = Facts(merged, root, names.keys(), classes[0])
    return table, _with_defaults(table, facts), names


def _with_defaults(table: Architecture, facts: Facts) -> Facts:
    """Return the facts with the fields that the model's class fills in when they are absent.

    A null stays a null where the class has a constant, and is filled where it computes the value.
    """
    defaults = table.defaults.get(str(facts.config.get("model_type")), {})
    filled = {
        name: _default(value, facts)
        for name, value in defaults.items()
        if name not in facts.config or (facts.config[name] is None and callable(value))
    }
    return replace(facts, config={**facts.config, **filled})


def _default(value: Any, facts: Facts) -> Any:
    try:
        return value(facts) if callable(value) else value
    except ConfigError:
        return None  # the field it derives from is reported by its own key


def _traits(table: Architecture, facts: Facts, specs: tuple[TensorSpec, ...]) -> Traits:
    return Traits(
        arch=table.name,
        layers=facts.integer(*LAYERS),
        heads=heads(facts),
        heads_kv=heads_kv(facts),
        experts=experts(facts),
        tied=all(spec.name != "output.weight" for spec in specs),
    )
