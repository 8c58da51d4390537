"""Use case: what is this checkpoint, and what would a conversion make of it?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantcli.app.inspection import (
    TokenizerSummary,
    TypeSummary,
    as_json,
    tokenizer_summary,
    type_summaries,
)
from quantcli.app.plan import plan_opened
from quantcli.arch.expand import architecture_of
from quantcli.arch.facts import text_config
from quantcli.checkpoint import Checkpoint, read_checkpoint
from quantcli.checkpoint.contents import refuse_contents
from quantcli.checkpoint.folder import refuse_strays
from quantcli.checkpoint.json_file import read_object
from quantcli.checkpoint.naming import model_name
from quantcli.container.reader import parse
from quantcli.errors import InputError, QuantcliError
from quantcli.planning.plan import Plan
from quantcli.planning.summary import Summary
from quantcli.tokenizer import export

USUAL_PRESET = "Q4_K_M"
"""The preset that an inspection plans for: what most people take."""


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of a checkpoint: shape outermost dimension first, bytes, and its file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    file: str
    nbytes: int


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a conversion would give.

    Attributes:
        preset: the preset.
        size: bytes of the file.
        bits_per_weight: over all tensors.
        fallbacks: tensors whose type is not the preset's choice.
    """

    preset: str
    size: int
    bits_per_weight: float
    fallbacks: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a checkpoint cannot be converted: the error that `plan` gives."""

    message: str
    where: str | None
    hint: str | None


@dataclass(frozen=True, slots=True, repr=False)
class CheckpointInspection(Summary):
    """What a checkpoint is, and what quantcli would do with it.

    Attributes:
        path: the folder or file.
        name: what the model is called.
        model_class: Hugging Face class that config.json names, or None.
        architecture: GGUF name of its architecture, or None when quantcli has no table for it.
        files: files that hold the weights → bytes; of a folder without a model, all its files.
        weights: number of weights over all tensors.
        nbytes: bytes of all tensors.
        dtypes: tensors by dtype, most bytes first.
        tokenizer: the tokenizer as the output would hold it, or None when it cannot be exported.
        conversion: what converting to USUAL_PRESET would give, or None when it cannot be done.
        problem: why it cannot be done, or None.
        notes: decisions that the conversion would report.
        tensors: all tensors, file by file.
    """

    path: str
    name: str
    model_class: str | None
    architecture: str | None
    files: dict[str, int]
    weights: int
    nbytes: int
    dtypes: tuple[TypeSummary, ...]
    tokenizer: TokenizerSummary | None
    conversion: Prospect | None
    problem: Problem | None
    notes: tuple[str, ...]
    tensors: tuple[StoredTensor, ...]

    def summary(self) -> Iterator[tuple[str, object]]:
        """Yield what says which checkpoint it is and whether it can be converted."""
        for name in ("path", "name", "model_class", "architecture", "weights", "nbytes"):
            yield name, getattr(self, name)
        yield "tensors", len(self.tensors)
        yield "dtypes", " ".join(summary.type for summary in self.dtypes)
        yield "problem", None if self.problem is None else self.problem.message.splitlines()[0]

    def to_json(self) -> str:
        """Return the fields, the format's number and the kind "checkpoint" as one JSON object."""
        return as_json("checkpoint", self)


def inspect_checkpoint(path: str | Path) -> CheckpointInspection:
    """Return what the checkpoint at `path` is; no tensor data is read.

    That it cannot be converted is a property, not an error.

    Args:
        path: a folder, or a .safetensors file.

    Raises:
        InputError: there is no such path, the folder is empty, or the file is no safetensors file.
    """
    path = Path(path)
    plan: Plan | None = None
    checkpoint: Checkpoint | None = None
    problem: QuantcliError | None = None
    try:
        checkpoint = read_checkpoint(path)
        refuse_contents(checkpoint.root, checkpoint.config, checkpoint.refs)
        plan = plan_opened(checkpoint, USUAL_PRESET)
    except QuantcliError as error:
        if checkpoint is None and not (path.is_dir() and any(path.iterdir())):
            raise
        problem = error
    config = _config(path) if checkpoint is None else checkpoint.config
    refs = {} if checkpoint is None else checkpoint.refs
    model_class = _class(config)
    return CheckpointInspection(
        path=str(path),
        name=model_name(path),
        model_class=model_class,
        architecture=_architecture(config, path),
        files=_files(path, checkpoint),
        weights=sum(math.prod(ref.shape) for ref in refs.values()),
        nbytes=sum(ref.nbytes for ref in refs.values()),
        dtypes=type_summaries((r.dtype, math.prod(r.shape), r.nbytes) for r in refs.values()),
        tokenizer=_tokenizer(path, config, plan),
        conversion=None if plan is None else _prospect(plan),
        problem=None if problem is None else Problem(problem.message, problem.where, problem.hint),
        notes=_notes(checkpoint, plan),
        tensors=tuple(
            StoredTensor(r.name, r.shape, r.dtype, r.file, r.nbytes) for r in refs.values()
        ),
    )


def _config(path: Path) -> dict[str, Any]:
    try:
        refuse_strays(path, follow_links=False)
        return read_object(path, "config.json")
    except InputError:
        return {}


def _class(config: Mapping[str, Any]) -> str | None:
    classes = text_config(config).get("architectures")
    found = classes[0] if isinstance(classes, list) and classes else None
    return found if isinstance(found, str) else None


def _architecture(config: Mapping[str, Any], path: Path) -> str | None:
    try:
        return architecture_of(config, path).name
    except InputError:
        return None


def _files(path: Path, checkpoint: Checkpoint | None) -> dict[str, int]:
    if checkpoint is not None:
        return {n: size for n, size in checkpoint.files.items() if n.endswith(".safetensors")}
    return {entry.name: entry.stat().st_size for entry in sorted(path.iterdir()) if entry.is_file()}


def _tokenizer(path: Path, config: Mapping[str, Any], plan: Plan | None) -> TokenizerSummary | None:
    if plan is not None:
        entries = parse(plan.header, plan.size, str(path)).entries
        return tokenizer_summary({key: entry.value for key, entry in entries.items()})
    root = path if path.is_dir() else path.parent
    try:
        found = export(root, "auto", rows=None, config=config)
    except QuantcliError:
        return None
    return tokenizer_summary({key: value for key, _, value in found.keys})


def _prospect(plan: Plan) -> Prospect:
    return Prospect(plan.preset, plan.size, plan.bits_per_weight, len(plan.fallbacks))


def _notes(checkpoint: Checkpoint | None, plan: Plan | None) -> tuple[str, ...]:
    if plan is not None:
        return plan.notes
    return () if checkpoint is None else checkpoint.notes
