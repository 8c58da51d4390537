"""From an architecture's table and a checkpoint's headers to every tensor and key of the output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from quantcli.arch.account import refusals, unaccounted
from quantcli.arch.architecture import Architecture, Check, Entry, Model, TensorSpec, Traits
from quantcli.arch.defaults import text_class, with_defaults
from quantcli.arch.entries import make_entries
from quantcli.arch.facts import Facts, text_config
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    EXPERTS,
    HEADS,
    LAYERS,
    MOST_LAYERS,
    experts,
    heads,
)
from quantcli.arch.matching import Matcher
from quantcli.arch.multimodal import text_part
from quantcli.arch.naming import Names, canonical_names, head_as_embedding
from quantcli.arch.outputs import check_outputs
from quantcli.arch.registry import covers, find, named, partial
from quantcli.arch.sentence import module_problems, prompt_remarks
from quantcli.checkpoint.consolidated import config_name
from quantcli.checkpoint.source import TensorRef
from quantcli.errors import ArchitectureError, ConfigError, listed

_MOST_EXPERTS = 1 << 16


def expand(
    config: Mapping[str, Any],
    refs: Mapping[str, TensorRef],
    root: Path,
    arch: str | None = None,
) -> Model:
    """Return the model that a checkpoint holds, all tensors and keys resolved.

    Args:
        config: config.json.
        refs: the checkpoint's tensors by name.
        root: the model's folder; small JSON files beside config.json may be read.
        arch: GGUF name of the architecture to take whatever class config.json names.

    Raises:
        UsageError: `arch` is unknown.
        ArchitectureError: unknown architecture; a setting that the runtime's graph does not have;
            tensors missing, left over, of a dtype or shape that does not fit (all of them listed).
        ConfigError: config fields missing (all of them listed), of the wrong kind, out of range, or
            not fitting to each other.
    """
    where = str(root / config_name(root))
    given, table, facts, names, apart = _recognise(config, refs, root, arch)
    check_outputs(table)
    try:
        _bound(table, facts, where)
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
    fields = unaccounted(given, table, facts)
    return Model(
        traits=traits,
        specs=specs,
        entries=entries,
        vocab=table.vocab,
        vocab_entries=vocab_entries,
        vocab_rows=next((s.shape[0] for s in specs if s.name == "token_embd.weight"), 0),
        assumed=arch is not None,
        notes=(*apart, *names.notes, *matcher.notes, *remarks, *fields),
    )


def _recognise(
    config: Mapping[str, Any], refs: Mapping[str, TensorRef], root: Path, arch: str | None
) -> tuple[Mapping[str, Any], Architecture, Facts, Names, tuple[str, ...]]:
    """Return the text model's config, the table, the facts, the names, and notes on other parts."""
    merged = text_config(config)
    hf, table = _find(config, merged, root, arch)
    text = text_part(config, refs, table.kept)
    names = canonical_names(table, text.names, str(root))
    facts = with_defaults(table, Facts(merged, root, {}, hf))
    if facts.get("tie_word_embeddings") is True:
        names = head_as_embedding(table, names)
    stored = {name: text.names[spelled] for name, spelled in names.canonical.items()}
    found = {name: refs[original] for name, original in stored.items()}
    shapes = {name: ref.shape for name, ref in found.items()}
    names = replace(names, canonical=stored)
    return merged, table, replace(facts, tensors=shapes, refs=found), names, text.notes


def architecture_of(config: Mapping[str, Any], root: Path) -> Architecture:
    """Return the architecture that config.json names.

    Raises:
        ArchitectureError: unknown class.
        ConfigError: it names none, or what tells two architectures of one class apart is wrong.
    """
    return _find(config, text_config(config), root, None)[1]


def _find(
    config: Mapping[str, Any], merged: Mapping[str, Any], root: Path, arch: str | None
) -> tuple[str, Architecture]:
    """Return the class that decides and its table.

    A model around a text model of a known class is converted by the text model's.
    """
    where = str(root / config_name(root))
    classes = merged.get("architectures")
    if not isinstance(classes, list) or not classes or not isinstance(classes[0], str):
        raise ConfigError('has no "architectures" with the name of a class', where=where)
    if arch is not None:
        table = named(arch)
        return classes[0] if classes[0] in table.hf else table.hf[0], table
    inner = text_class(config, merged)
    for name in (classes[0], inner):
        if name is not None and covers(name):
            return name, _table(name, merged, root)
    return classes[0], find(classes[0], where)


def _table(hf: str, merged: Mapping[str, Any], root: Path) -> Architecture:
    """Return the table of a class; where several share one, the model's config decides."""
    where = str(root / config_name(root))
    for table in partial(hf):
        try:
            if table.partly[hf](with_defaults(table, Facts(merged, root, {}, hf))):
                return table
        except ConfigError as error:
            raise ConfigError(error.message, where=where, hint=error.hint) from error
    return find(hf, where)


def _bound(table: Architecture, facts: Facts, where: str) -> None:
    """Raise ConfigError for more layers than the runtime has room for, or more experts.

    It comes first: tables count up to these numbers.
    """
    for name in EXPERTS:
        number = facts.config.get(name)
        if isinstance(number, int) and number > _MOST_EXPERTS:
            raise ConfigError(f"{name} is {number}, more experts than any model has")
    layers = facts.get(*LAYERS)
    if isinstance(layers, int) and layers > MOST_LAYERS:
        make_entries(table.name, (BLOCK_COUNT_KEY,), facts, where)


def _refuse(table: Architecture, facts: Facts, where: str) -> None:
    """Raise ArchitectureError, all listed, for what the runtime's graph does not have."""
    problems, hints = refusals(table, facts)
    modules = _sentences((module_problems(table.modules),), facts)
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


def _traits(
    table: Architecture, facts: Facts, specs: tuple[TensorSpec, ...], entries: tuple[Entry, ...]
) -> Traits:
    grouped = {entry.key: entry.value for entry in entries}.get(
        f"{table.name}.attention.head_count_kv"
    )
    if isinstance(grouped, tuple):  # a number a layer, 0 where a layer has no attention
        grouped = max((n for n in grouped if isinstance(n, int)), default=0)
    count = heads(facts) if facts.get(*HEADS) is not None else 0
    return Traits(
        arch=table.name,
        layers=facts.integer(*LAYERS),
        heads=count,
        heads_kv=grouped if isinstance(grouped, int) else count,
        experts=experts(facts) if any("_exps" in spec.role for spec in specs) else 0,
        tied=all(spec.name != "output.weight" for spec in specs),
    )
