"""Use case: what does a GGUF file hold, or a checkpoint?"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quantcli.app.inspect_checkpoint import CheckpointInspection, inspect_checkpoint
from quantcli.app.inspection import (
    TokenizerSummary,
    TypeSummary,
    as_json,
    tokenizer_summary,
    type_summaries,
)
from quantcli.checkpoint.locating import not_there
from quantcli.checkpoint.pointers import refuse_pointers
from quantcli.container.reader import GgufFile
from quantcli.errors import ContainerError
from quantcli.planning.summary import Summary

_CHECKPOINT_FILE = ".safetensors"


@dataclass(frozen=True, slots=True)
class TensorSummary:
    """One tensor: shape outermost dimension first, absolute offset, bytes without padding."""

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    nbytes: int


@dataclass(frozen=True, slots=True, repr=False)
class Inspection(Summary):
    """What a GGUF file holds.

    Attributes:
        path: the file.
        size: its bytes.
        version: of the format.
        alignment: of tensor data, in bytes.
        data_start: offset of the tensor data.
        architecture, name: general.architecture and general.name, or None.
        weights: number of weights over all tensors.
        bits_per_weight: bits of tensor data per weight.
        metadata: key → value in file order; arrays are tuples, whole.
        metadata_types: key → type of the value ("uint32", "array:string", …).
        tokenizer: the tokenizer, or None without one.
        types: tensors by type, most bytes first.
        tensors: all tensors in file order.
    """

    path: str
    size: int
    version: int
    alignment: int
    data_start: int
    architecture: str | None
    name: str | None
    weights: int
    bits_per_weight: float
    metadata: dict[str, object]
    metadata_types: dict[str, str]
    tokenizer: TokenizerSummary | None
    types: tuple[TypeSummary, ...]
    tensors: tuple[TensorSummary, ...]

    def summary(self) -> Iterator[tuple[str, object]]:
        """Yield what says which file it is."""
        for name in ("path", "architecture", "name", "size", "weights", "bits_per_weight"):
            yield name, getattr(self, name)
        yield "tensors", len(self.tensors)
        yield "types", " ".join(summary.type for summary in self.types)

    def value(self, key: str) -> object:
        """Return the whole value of the metadata entry `key`.

        Raises:
            ContainerError: there is none; the nearest key is named.
        """
        if key in self.metadata:
            return self.metadata[key]
        near = difflib.get_close_matches(key, self.metadata, n=1, cutoff=0.5)
        raise ContainerError(
            f"has no key {key!r}",
            where=self.path,
            hint=f"Did you mean {near[0]}?" if near else "`quantcli inspect FILE` lists the keys.",
        )

    def to_json(self) -> str:
        """Return the fields, the format's number and the kind "gguf" as one JSON object.

        Numbers that are not finite become "NaN", "Infinity" and "-Infinity".
        """
        return as_json("gguf", self)


def inspect(path: str | Path) -> Inspection | CheckpointInspection:
    """Return what the GGUF file at `path` holds, or what the checkpoint there is.

    No tensor data is read. A folder or a .safetensors file is a checkpoint.

    Raises:
        ContainerError: not readable, or not a GGUF file that readers accept.
        CheckpointError: there is no such path, or it is recognisably neither.
    """
    path = Path(path)
    if not path.exists():
        raise not_there(path)
    if path.is_dir() or path.suffix == _CHECKPOINT_FILE:
        return inspect_checkpoint(path)
    refuse_pointers(path.parent, [path.name])
    return inspect_file(path)


def inspect_file(path: str | Path) -> Inspection:
    """Return what the GGUF file at `path` holds; no tensor data is read.

    Raises:
        ContainerError: not readable, or not a GGUF file that readers accept.
    """
    file = GgufFile(Path(path))
    tensors = tuple(file.tensors.values())
    weights = sum(tensor.weights for tensor in tensors)
    nbytes = sum(tensor.nbytes for tensor in tensors)
    metadata = {key: entry.value for key, entry in file.entries.items()}
    return Inspection(
        path=str(path),
        size=file.size,
        version=file.contents.version,
        alignment=file.contents.alignment,
        data_start=file.contents.data_start,
        architecture=_text(metadata.get("general.architecture")),
        name=_text(metadata.get("general.name")),
        weights=weights,
        bits_per_weight=8 * nbytes / max(1, weights),
        metadata=metadata,
        metadata_types={key: entry.type for key, entry in file.entries.items()},
        tokenizer=tokenizer_summary(metadata),
        types=type_summaries((t.type.name, t.weights, t.nbytes) for t in tensors),
        tensors=tuple(
            TensorSummary(t.name, t.shape, t.type.name, t.offset, t.nbytes) for t in tensors
        ),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
