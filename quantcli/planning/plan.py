"""The frozen plan: everything a conversion does, decided before the first byte is read."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from quantcli.checkpoint.source import TensorRef
from quantcli.errors import PlanError
from quantcli.planning.summary import Summary
from quantcli.workers.packed import Packed

FORMAT = 3
"""Version of a plan's JSON form (docs/json.md)."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file the plan was made from: path relative to the model's folder and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class MatrixFile:
    """A file of the importance matrix: what it is called, its size in bytes, its SHA-256."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class MatrixUse:
    """The importance matrix of a plan: files, and which tensors' data of them count.

    Where the files lie is not part of a plan: who executes it names them.
    """

    files: tuple[MatrixFile, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step(Packed):
    """One output tensor.

    Attributes:
        name, role, layer, shape: as in TensorSpec.
        type: codec name.
        op, args: the transform and its arguments.
        sources: where the source tensors lie.
        offset: absolute byte offset of the tensor in the output file.
        nbytes: encoded length without padding.
        fallback: why the type is not the preset's choice, or None.
        wanted: the preset's choice where it is another type, else None.
        importance: whether the importance matrix has data of the tensor, which the encoder uses.
    """

    name: str
    role: str
    layer: int | None
    shape: tuple[int, ...]
    type: str
    op: str
    args: tuple[int | float | str, ...]
    sources: tuple[TensorRef, ...]
    offset: int
    nbytes: int
    fallback: str | None
    wanted: str | None
    importance: bool = False

    @property
    def matrices(self) -> int:
        """Number of matrices that the tensor stacks: its experts, else 1."""
        return math.prod(self.shape[:-2])

    @property
    def columns(self) -> int:
        """Length of a row in elements."""
        return self.shape[-1]

    @property
    def rows(self) -> int:
        """Number of rows over all outer dimensions."""
        rows = 1
        for n in self.shape[:-1]:
            rows *= n
        return rows

    @property
    def weights(self) -> int:
        """Number of elements."""
        return self.rows * self.columns


IMATRIX_KEY = "quantcli.imatrix.digest"
"""What importance matrix a file was made with."""
ASSUMED_KEY = "quantcli.architecture.assumed"
"""True where the user named the architecture (`--arch`), not the checkpoint."""


@dataclass(frozen=True, slots=True, repr=False)
class Plan(Summary):
    """Resolved integers and names only; equal plans give equal files.

    Attributes:
        architecture: GGUF name of the architecture.
        preset: canonical preset name.
        effort: encoder effort.
        header: all bytes before the tensor data, padding included.
        steps: the tensors in file order.
        size: length of the finished file in bytes.
        files: the files it was made from.
        notes: decisions worth telling the user.
        matrix: the importance matrix that the encoders use, or None.
    """

    architecture: str
    preset: str
    effort: str
    header: bytes
    steps: tuple[Step, ...]
    size: int
    files: tuple[SourceFile, ...]
    notes: tuple[str, ...]
    matrix: MatrixUse | None = None

    @property
    def assumed(self) -> bool:
        """Whether the user named the architecture, not the checkpoint: the header has a key."""
        return ASSUMED_KEY.encode() in self.header

    @property
    def weights(self) -> int:
        """Number of weights over all tensors."""
        return sum(step.weights for step in self.steps)

    @property
    def bits_per_weight(self) -> float:
        """Bits of tensor data per weight."""
        return 8.0 * sum(step.nbytes for step in self.steps) / max(1, self.weights)

    @property
    def fallbacks(self) -> tuple[Step, ...]:
        """Steps whose type is not the preset's choice."""
        return tuple(step for step in self.steps if step.fallback)

    def summary(self) -> Iterator[tuple[str, object]]:
        """Yield what one line says of the plan."""
        yield "architecture", self.architecture
        yield "preset", self.preset
        yield "effort", self.effort
        yield "tensors", len(self.steps)
        yield "fallbacks", len(self.fallbacks)
        yield "size", self.size
        yield "bits_per_weight", round(self.bits_per_weight, 3)
        yield "notes", len(self.notes)

    def digest(self) -> str:
        """Return the SHA-256 over the canonical JSON form, as 64 hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Return the canonical JSON form, one line, keys sorted."""
        record = {name: getattr(self, name) for name in self.__slots__}
        record["steps"] = [_record(step) for step in self.steps]
        record["files"] = [asdict(file) for file in self.files]
        record["matrix"] = None if self.matrix is None else asdict(self.matrix)
        record["header"] = base64.b64encode(self.header).decode("ascii")
        record["format"] = FORMAT
        return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Return the plan that `to_json` wrote.

        Raises:
            PlanError: not JSON, another format number, or fields missing or of the wrong kind.
        """
        try:
            record = json.loads(text)
            if record.pop("format") != FORMAT:
                raise PlanError(f"the plan's format is not {FORMAT}", hint="Make the plan again.")
            record["header"] = base64.b64decode(record["header"], validate=True)
            record["steps"] = tuple(_step(item) for item in record["steps"])
            record["files"] = tuple(SourceFile(**item) for item in record["files"])
            record["notes"] = tuple(record["notes"])
            record["matrix"] = matrix_use(record["matrix"])
            return cls(**record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PlanError(
                f"not a plan of quantcli: {error}", hint="Make the plan again."
            ) from error


def matrix_use(item: dict[str, Any] | None) -> MatrixUse | None:
    """Return what `asdict` made of a MatrixUse.

    Raises:
        TypeError, KeyError: it is something else.
    """
    if item is None:
        return None
    files = tuple(MatrixFile(**file) for file in item["files"])
    return MatrixUse(files, tuple(item["include"]), tuple(item["exclude"]))


def _record(step: Step) -> dict[str, Any]:
    """Return a step's fields; a model of many experts has 50,000 references in its steps."""
    record = {name: getattr(step, name) for name in step.__slots__}
    names = TensorRef.__slots__
    record["sources"] = [{name: getattr(ref, name) for name in names} for ref in step.sources]
    return record


def _step(item: dict[str, Any]) -> Step:
    refs = (TensorRef(**{**ref, "shape": tuple(ref["shape"])}) for ref in item["sources"])
    shape, args = tuple(item["shape"]), tuple(item["args"])
    return Step(**{**item, "shape": shape, "args": args, "sources": tuple(refs)})
