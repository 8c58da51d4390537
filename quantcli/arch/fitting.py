"""Which known architectures a checkpoint of an unknown class would fit, tensor for tensor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantcli.arch.architecture import Architecture, Model, Row
from quantcli.arch.expand import expand
from quantcli.arch.multimodal import text_part
from quantcli.arch.naming import bare_names
from quantcli.arch.registry import UnknownClassError, architectures
from quantcli.checkpoint.source import TensorRef
from quantcli.errors import ArchitectureError, QuantcliError

# Families whose names and shapes are those of many others: named first where several fit.
_PLAIN = ("llama", "qwen2", "qwen3", "qwen2moe", "qwen3moe", "gpt2", "bert")
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Fit:
    """An architecture that all tensors and the config of a checkpoint fit.

    Attributes:
        name: GGUF name.
        tensors: output tensors that it would have.
        notes: what would be told of it, among others fields that nothing would read.
    """

    name: str
    tensors: int
    notes: tuple[str, ...]


def expand_or_advise(
    config: Mapping[str, Any],
    refs: Mapping[str, TensorRef],
    root: Path,
    arch: str | None = None,
) -> Model:
    """Return what `expand` gives; an unknown class is refused with the architectures that fit.

    Raises:
        ArchitectureError, ConfigError: as `expand`.
    """
    try:
        return expand(config, refs, root, arch)
    except UnknownClassError as error:
        found = fitting(config, refs, root)
        raise ArchitectureError(
            _said(error.message, found), where=error.where, hint=_hint(found)
        ) from error


def fitting(
    config: Mapping[str, Any], refs: Mapping[str, TensorRef], root: Path
) -> tuple[Fit, ...]:
    """Return the architectures that the checkpoint fits, those that leave least unread first."""
    names = bare_names(text_part(config, refs).names)
    found = []
    for table in architectures():
        if not _resembles(table, names):
            continue
        try:
            model = expand(config, refs, root, table.name)
        except QuantcliError:
            continue
        found.append(Fit(table.name, len(model.specs), model.notes))
    return tuple(sorted(found, key=_order))


def _order(fit: Fit) -> tuple[int, int, str]:
    place = _PLAIN.index(fit.name) if fit.name in _PLAIN else len(_PLAIN)
    return sum(len(note) for note in fit.notes), place, fit.name


def _resembles(table: Architecture, names: Iterable[str]) -> bool:
    """Tell, without looking at shapes, whether all that the table always needs may be there."""
    ends = {name.rpartition(".")[0].rpartition(".")[2] for name in names}
    rows = (*table.globals, *(row for stack in table.layers for row in stack.rows))
    return all(
        source.rpartition(".")[0].rpartition(".")[2] in ends
        for row in rows
        if _needed(row)
        for source in row.sources
        if "{" not in source
    )


def _needed(row: Row) -> bool:
    return row.when is None and row.optional is False


def _said(message: str, found: tuple[Fit, ...]) -> str:
    if not found:
        return message
    best = found[0]
    others = ", ".join(fit.name for fit in found[1:_NAMED])
    return (
        f"{message}, but all its tensors have the names and shapes of {best.name} "
        f"({best.tensors} tensors)" + (f"; also of {others}" if others else "")
    )


def _hint(found: tuple[Fit, ...]) -> str:
    if not found:
        return (
            "`quantcli archs` lists what is known. No known architecture has these tensors, so "
            "this one needs a table of its own: CONTRIBUTING.md says how."
        )
    return (
        f"To convert it as {found[0].name}, name that by --arch. Names and shapes do not prove "
        f"that both compute the same: compare the file's answers with the original's."
    )
