"""Use case: which architectures are there, what do they cover, and how were they proven?"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from quantcli.app.record import to_json
from quantcli.arch.architecture import Architecture, Implements
from quantcli.arch.proofs import Proof, proof, versions
from quantcli.arch.registry import architectures
from quantcli.errors import UsageError
from quantcli.planning.summary import Summary

_KINDS = {
    "auto": "as the folder has it",
    "llama": "as the folder has it, by the rules of Llama",
    "glm": "as the folder has it, by the rules of GLM-4.5 and later",
    "glm4": "as the folder has it, by the rules of GLM-4",
    "bpe": "byte-level BPE",
    "spm": "SentencePiece",
    "wordpiece": "WordPiece",
    "unigram": "Unigram",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A config field of which llama.cpp's graph has some values only.

    Attributes:
        field: its name in config.json.
        values: what the graph has, as text; any other value is refused.
    """

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arch:
    """One architecture.

    Attributes:
        name: GGUF name.
        about: first line of the table's description.
        classes: Hugging Face classes.
        tokenizer: where the vocabulary comes from.
        settings: config fields that are refused beyond these values.
        proof: how it was proven; None when no conformance case has been frozen.
    """

    name: str
    about: str
    classes: tuple[str, ...]
    tokenizer: str
    settings: tuple[Setting, ...]
    proof: Proof | None


@dataclass(frozen=True, slots=True, repr=False)
class Archs(Summary):
    """The architectures that were asked for.

    Attributes:
        versions: program → version that the proofs were made with.
        architectures: ordered by name.
    """

    versions: dict[str, str]
    architectures: tuple[Arch, ...]

    def summary(self) -> Iterator[tuple[str, object]]:
        """Yield how many architectures and classes there are."""
        yield "architectures", len(self.architectures)
        yield "classes", sum(len(each.classes) for each in self.architectures)

    def to_json(self) -> str:
        """Return the fields as one JSON object."""
        return to_json(self)


def archs(name: str | None = None) -> Archs:
    """Return the architectures that quantcli knows.

    Args:
        name: only this one: its GGUF name ("qwen2moe") or a Hugging Face class
            ("Qwen2MoeForCausalLM"), in any case.

    Raises:
        UsageError: there is none of this name; the nearest are given.
    """
    tables = architectures()
    if name is not None:
        wanted = name.lower()
        known = {each: t for t in tables for each in (t.name.lower(), *map(str.lower, t.hf))}
        if wanted not in known:
            near = difflib.get_close_matches(wanted, known, n=3)
            spelled = [_spelled(known[each], each) for each in near]
            raise UsageError(
                f"no architecture and no class {name!r}"
                + (f", perhaps {' or '.join(spelled)}" if spelled else ""),
                hint="`quantcli archs` lists all.",
            )
        tables = tuple(t for t in tables if wanted in map(str.lower, (t.name, *t.hf)))
    return Archs(versions(), tuple(_arch(table) for table in tables))


def _spelled(table: Architecture, lower: str) -> str:
    return next(name for name in (table.name, *table.hf) if name.lower() == lower)


def _arch(table: Architecture) -> Arch:
    return Arch(
        name=table.name,
        about=table.about,
        classes=table.hf,
        tokenizer=_KINDS.get(table.vocab, table.vocab),
        settings=tuple(Setting(row.field, _values(row)) for row in table.graph),
        proof=proof(table.name),
    )


def _values(row: Implements) -> tuple[str, ...]:
    if callable(row.values):
        return ("what follows from the sizes",)
    return tuple(dict.fromkeys(_text(value) for value in row.values))


def _text(value: object) -> str:
    """Return a value as a config spells it; what switches nothing on is "none"."""
    if value is True or value is False:
        return str(value).lower()
    return "none" if value in (None, "", (), [], {}) else str(value)
