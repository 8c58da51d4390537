"""From the names that a checkpoint spells to those that an architecture's table speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

from quantcli.arch.architecture import Architecture, Row
from quantcli.errors import ArchitectureError, listed

# What torch.compile, FSDP, activation checkpointing put between the parts of a name.
_WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_fpw_module"}


@dataclass(frozen=True, slots=True)
class Names:
    """A checkpoint's names as a table sees them.

    Attributes:
        canonical: name without prefixes and with today's endings → name in the checkpoint.
        taken_off: parts of the names that the table does not know and that were taken off.
        common: what all names begin with, as they are spelled; "" for nothing.
    """

    canonical: Mapping[str, str]
    taken_off: tuple[str, ...]
    common: str

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a user should know of it."""
        if not self.taken_off:
            return ()
        parts = " and ".join(repr(part) for part in self.taken_off)
        note = (
            f"the names of the tensors are read without {parts}, which comes from how the "
            f"checkpoint was saved; transformers may not load it as it is"
        )
        return (note,)


def canonical_names(table: Architecture, refs: Iterable[str], where: str) -> Names:
    """Return the names of a checkpoint as the table speaks of them.

    One prefix that all names share is taken off when the table then finds its tensors ("module."
    of DataParallel, "base_model.model." of PEFT, a doubled "model."), and so are the parts that
    wrappers put anywhere between.

    Raises:
        ArchitectureError: two tensors have the same canonical name; all such are listed.
    """
    spelled = {name: [p for p in name.split(".") if p not in _WRAPPERS] for name in refs}
    shared = _shared(parts[:-1] for parts in spelled.values())
    for depth in range(len(shared) + 1):
        names = _without(table, spelled, depth, where)
        if _fits(table, names):
            return Names(names, _taken_off(spelled, depth), "")
    common = "".join(f"{part}." for part in _shared(name.split(".")[:-1] for name in spelled))
    return Names(_without(table, spelled, 0, where), (), common)


def bare_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names without what wrappers put between their parts."""
    return tuple(".".join(p for p in name.split(".") if p not in _WRAPPERS) for name in names)


def _taken_off(names: Mapping[str, list[str]], depth: int) -> tuple[str, ...]:
    """Return what all names begin with and lose, and then the wrappers that are elsewhere.

    Args:
        names: the names, each with its parts that are no wrappers.
        depth: how many of these parts are taken off.
    """
    if not depth and all(len(parts) == name.count(".") + 1 for name, parts in names.items()):
        return ()
    leading = {_leading(name.split("."), depth) for name in names}
    lead = leading.pop() if len(leading) == 1 else ""
    rest = {part for name in names for part in name.removeprefix(lead).split(".")[:-1]}
    return (*([lead] if lead else []), *(f"{part}." for part in sorted(rest & _WRAPPERS)))


def _leading(parts: list[str], depth: int) -> str:
    """Return the first `depth` parts that are no wrappers, and the wrappers around them."""
    count = 0
    for part in parts:
        if part not in _WRAPPERS:
            if depth == 0:
                break
            depth -= 1
        count += 1
    return "".join(f"{part}." for part in parts[:count])


def head_as_embedding(table: Architecture, names: Names) -> Names:
    """Return the names of a tied checkpoint, whose one matrix may be stored under either name.

    Where only the output layer is stored, it is the embedding: transformers ties both ways.
    """
    sources = {row.name: row.sources[0] for row in table.globals if row.sources}
    embedding, head = sources.get("token_embd.weight"), sources.get("output.weight")
    if embedding is None or head is None:
        return names
    if embedding in names.canonical or head not in names.canonical:
        return names
    renamed = {embedding if name == head else name: n for name, n in names.canonical.items()}
    return replace(names, canonical=renamed)


def _shared(names: Iterable[list[str]]) -> list[str]:
    """Return the parts that all names begin with."""
    columns = zip(*names, strict=False)
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]


def _without(
    table: Architecture, spelled: Mapping[str, list[str]], depth: int, where: str
) -> dict[str, str]:
    names: dict[str, str] = {}
    doubled = []
    for original, parts in spelled.items():
        name = ".".join(parts[depth:])
        for prefix in table.prefixes:
            name = name.removeprefix(prefix)
        for old, new in table.renames:
            name = f".{name}".replace(old, new)[1:]
        for old, new in table.suffixes:
            if name.endswith(old):
                name = name.removesuffix(old) + new
        if name in names:
            doubled.append(f"{names[name]!r} and {original!r}")
        names[name] = original
    if doubled:
        raise ArchitectureError(
            listed("tensors that are the same one under two names:", doubled), where=where
        )
    return names


def _fits(table: Architecture, names: Mapping[str, str]) -> bool:
    """Tell whether the table finds any of the tensors outside the layers that it always needs."""
    needed = [row for row in table.globals if _always(row)]
    return not needed or any(source in names for row in needed for source in row.sources)


def _always(row: Row) -> bool:
    return row.when is None and row.optional is False and bool(row.sources)
