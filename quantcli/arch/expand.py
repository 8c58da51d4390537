"""From an architecture's table and a checkpoint's headers to every tensor and key of the output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from quantcli.arch.account import refusals, unaccounted
from quantcli.arch.architecture import Architecture, Check, Entry, Model, TensorSpec, Traits
from quantcli.arch.entries import make_entries
from quantcli.arch.facts import Facts, text_config
from quantcli.arch.keys import LAYERS, experts, heads
from quantcli.arch.matching import Matcher
from quantcli.arch.naming import Names, canonical_names, head_as_embedding
from quantcli.arch.outputs import check_outputs
from quantcli.arch.registry import find
from quantcli.arch.sentence import module_problems, prompt_remarks
from quantcli.checkpoint.source import TensorRef
from quantcli.errors import ArchitectureError, ConfigError, listed

_CONFIG = "config.json"


def expand(config: Mapping[str, Any], refs: Mapping[str, TensorRef], root: Path) -> Model:
    """Return the model that a checkpoint holds, all tensors and keys resolved.

    Args:
        config: config.json.
        refs: the checkpoint's tensors by name.
        root: the model's folder; small JSON files beside config.json may be read.

    Raises:
        ArchitectureError: unknown architecture; a setting that the runtime's graph does not have;
            tensors missing, left over, of a dtype or shape that does not fit (all of them listed).
        ConfigError: config fields missing (all of them listed), of the wrong kind, out of range, or
            not fitting to each other.
    """
    where = str(root / _CONFIG)
    given, table, facts, names = _recognise(config, refs, root)
    check_outputs(table)
    try:
        _refuse(table, facts, where)
        entries = make_entries(table.name, table.keys, facts, where)
        vocab_entries = make_entries(table.name, table.vocab_keys, facts, where)
        _relate(table, facts, where)
        matcher = Matcher(facts, names, refs, str(root))
        specs = matcher.match(table)
        traits = _traits(table, facts, specs, entries)
        remarks = _sentences((*table.remarks, prompt_remarks), facts)
    except ConfigError as error:
        raise ConfigError(error.message, where=error.where or where, hint=error.hint) from error
    fields = unaccounted(given, _class_defaults(table, facts), table, facts)
    return Model(
        traits=traits,
        specs=specs,
        entries=entries,
        vocab=table.vocab,
        vocab_entries=vocab_entries,
        vocab_rows=next((s.shape[0] for s in specs if s.name == "token_embd.weight"), 0),
        notes=(*names.notes, *matcher.notes, *remarks, *fields),
    )


def _recognise(
    config: Mapping[str, Any], refs: Mapping[str, TensorRef], root: Path
) -> tuple[Mapping[str, Any], Architecture, Facts, Names]:
    """Return the text model's config, the table, the facts with class defaults, and the names."""
    merged = text_config(config)
    where = str(root / _CONFIG)
    classes = merged.get("architectures")
    if not isinstance(classes, list) or not classes or not isinstance(classes[0], str):
        raise ConfigError('has no "architectures" with the name of a class', where=where)
    table = find(classes[0], where)
    names = canonical_names(table, refs, str(root))
    facts = _with_defaults(table, Facts(merged, root, {}, classes[0]))
    if facts.get("tie_word_embeddings") is True:
        names = head_as_embedding(table, names)
    shapes = {name: refs[spelled].shape for name, spelled in names.canonical.items()}
    return merged, table, replace(facts, tensors=shapes), names


def _refuse(table: Architecture, facts: Facts, where: str) -> None:
    """Raise ArchitectureError, all listed, for what the runtime's graph does not have."""
    problems, hints = refusals(table, facts)
    modules = _sentences((module_problems,), facts)
    if modules:
        hints.append("llama.cpp pools and normalises; other modules it does not have here.")
    if problems or modules:
        raise ArchitectureError(
            listed("the model computes what llama.cpp does not:", (*problems, *modules)),
            where=where,
            hint=" ".join(hints)
            or "A file without it would give other numbers than the model, so none is written.",
        )


def _relate(table: Architecture, facts: Facts, where: str) -> None:
    """Raise ConfigError, all listed, for fields that do not fit to each other or to tensors."""
    problems = _sentences(table.checks, facts)
    if problems:
        raise ConfigError(
            listed("fields that do not fit together:", problems),
            where=where,
            hint="Take config.json from the model's original source.",
        )


def _sentences(checks: tuple[Check, ...], facts: Facts) -> tuple[str, ...]:
    return tuple(sentence for check in checks for sentence in check(facts))


def _class_defaults(table: Architecture, facts: Facts) -> Mapping[str, Any]:
    """Return the fields that the model's class fills in: that of model_type, or of `hf` without."""
    kind = facts.config.get("model_type")
    if kind is None:
        kind = next((name for name in table.defaults if name in facts.hf.lower()), None)
    return table.defaults.get(str(kind), {})


def _with_defaults(table: Architecture, facts: Facts) -> Facts:
    """Return the facts with the fields that the model's class fills in when they are absent.

    A null stays a null where the class has a constant, and is filled where it computes the value.
    """
    filled = {
        name: _default(value, facts)
        for name, value in _class_defaults(table, facts).items()
        if name not in facts.config or (facts.config[name] is None and callable(value))
    }
    return replace(facts, config={**facts.config, **filled})


def _default(value: Any, facts: Facts) -> Any:
    try:
        return value(facts) if callable(value) else value
    except ConfigError:
        return None  # the field it derives from is reported by its own key


def _traits(
    table: Architecture, facts: Facts, specs: tuple[TensorSpec, ...], entries: tuple[Entry, ...]
) -> Traits:
    grouped = {entry.key: entry.value for entry in entries}.get(
        f"{table.name}.attention.head_count_kv"
    )
    return Traits(
        arch=table.name,
        layers=facts.integer(*LAYERS),
        heads=heads(facts),
        heads_kv=grouped if isinstance(grouped, int) else heads(facts),
        experts=experts(facts) if any("_exps" in spec.role for spec in specs) else 0,
        tied=all(spec.name != "output.weight" for spec in specs),
    )
