"""Use case: does a GGUF file hold what it should?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from quantcli import codec
from quantcli.app.plan import Imatrix
from quantcli.app.record import to_json
from quantcli.app.reference import Reference
from quantcli.container.reader import GgufFile, Tensor, parse
from quantcli.errors import ContainerError, UsageError
from quantcli.evaluate import metadata
from quantcli.evaluate.bounds import BOUNDS, Bound
from quantcli.evaluate.comparison import Job, Piece, Workers, check_all, cut
from quantcli.evaluate.relations import relation_problems, unchecked
from quantcli.evaluate.structure import layout_problems
from quantcli.evaluate.task import Finding, Origin, Subject
from quantcli.evaluate.tensor_error import TensorError, exceeds
from quantcli.execute.cores import available_cores
from quantcli.importance import MatrixSource, read_imatrix
from quantcli.planning.plan import Step
from quantcli.planning.summary import Summary

Progress = Callable[[int, int], None]

# A file made by something else is compared by what the model is. These keys say how it was made …
_PROVENANCE = ("general.", "quantize.", "split.")
# … and these the plan has only because some preset had to be named.
_IMATRIX = ("quantize.imatrix.", "quantcli.imatrix.")
_ASSUMED = ("quantcli.", "general.file_type", "general.quantization_version")
_FOREIGN_PRESET = "F32"
# How often at most progress is told of: a file may have very many tensors.
_STEPS = 1000


@dataclass(frozen=True, slots=True)
class TensorCheck:
    """What was found for one tensor.

    Attributes:
        name, type, shape: of the tensor, its outermost dimension first.
        relative_rmse: against the source; None when it was not compared, or is not finite.
        bound: the largest that is right for the type.
        worst_block: largest relative error of a block; None as above.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    relative_rmse: float | None
    bound: float | None
    worst_block: float | None


@dataclass(frozen=True, slots=True, repr=False)
class Verification(Summary):
    """Outcome of `verify`.

    Attributes:
        path: the file.
        against: the checkpoint it was compared with, or None.
        preset: what the file says it was made with, or None.
        size: bytes of the file.
        problems: everything that is wrong; the file passes when there is nothing.
        notes: what was not or could not be checked, and what differs without being wrong.
        tensors: the tensors in file order.
    """

    path: str
    against: str | None
    preset: str | None
    size: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    tensors: tuple[TensorCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_json(self) -> str:
        """Return the fields and `passed` as one JSON object."""
        return to_json(self, {"passed": self.passed})

    def summary(self) -> Iterator[tuple[str, object]]:
        """Yield what one line says of the outcome."""
        yield "path", self.path
        yield "against", self.against
        yield "passed", self.passed
        yield "problems", len(self.problems)
        yield "notes", len(self.notes)
        yield "tensors", len(self.tensors)


def verify(
    path: str | Path,
    against: str | Path | None = None,
    *,
    exact: bool = False,
    imatrix: Imatrix | None = None,
    imatrix_include: Sequence[str] = (),
    imatrix_exclude: Sequence[str] = (),
    jobs: int | None = None,
    engine: str | None = None,
    follow_links: bool = False,
    progress: Progress | None = None,
) -> Verification:
    """Check the GGUF file at `path`, alone or against the checkpoint it was made from.

    Alone: layout, padding, length, NaN and infinite scales or values, and whether keys, vocabulary
    and shapes of tensors fit each other and what llama.cpp needs. Against a checkpoint: also every
    metadata key, the tokenizer, every tensor's presence, shape and type, and its values: decoded
    and compared with the transformed source. Tensors are streamed; memory does not depend on their
    size.

    Args:
        path: the file.
        against: folder of the checkpoint, or a .safetensors file beside its config.json.
        exact: also encode the checkpoint again as the file says it was, and compare every byte.
        imatrix: the importance matrix that the file was made with; `exact` needs it.
        imatrix_include: as it was made with.
        imatrix_exclude: as it was made with.
        jobs: processes; default the cores available.
        engine: where else to work: "dask://HOST:PORT" or the path of a scheduler file.
        follow_links: let links lead out of the checkpoint's folder.
        progress: called with (bytes done, bytes in all).

    Raises:
        ContainerError: there is no such file. A file that breaks the format fails the check.
        InputError: the checkpoint cannot be read.
        UsageError: `exact` without a checkpoint or for a file that quantcli did not make; `against`
            for one shard of several.
    """
    path = Path(path)
    try:
        report = _Report(GgufFile(path))
    except ContainerError as error:
        if not path.is_file():
            raise
        problems, size = (error.message,), path.stat().st_size
        return Verification(str(path), _text(against), None, size, problems, (), ())
    importance = None
    if imatrix is not None:
        importance = read_imatrix(imatrix, include=imatrix_include, exclude=imatrix_exclude)
    reference = None
    if against is not None:
        model = Path(against)
        reference = Reference.of(report.file, model, importance, follow_links=follow_links)
    effort = _effort(path, reference) if exact else None
    matrix = None if importance is None or not exact else MatrixSource.of(importance)
    if reference is not None:
        report.compare(reference)
    workers = Workers(jobs or available_cores(), engine)
    report.check_tensors(reference, effort, matrix, workers, progress)
    return report.result(_text(against))


def _text(path: str | Path | None) -> str | None:
    return None if path is None else str(path)


def _effort(path: Path, reference: Reference | None) -> str:
    """Return the effort to encode with for the exact comparison."""
    if reference is None:
        raise UsageError("an exact check needs the checkpoint", hint="Add --against MODEL.")
    if reference.foreign:
        raise UsageError(
            "an exact check needs a file made by this quantcli",
            hint=f"{path} does not say that it was.",
        )
    if reference.plan.matrix is None and reference.weighted:
        raise UsageError(
            "an exact check needs the importance matrix that the file was made with",
            hint="Name it by --imatrix FILE.",
        )
    return reference.plan.effort


class _Report:
    """Collects what is wrong with one file."""

    def __init__(self, file: GgufFile) -> None:
        self.file = file
        self.problems = layout_problems(file)
        self.contradictions = relation_problems(file)
        unknown = unchecked(file)
        self.notes: list[str] = [] if unknown is None else [unknown]
        self.checks: list[TensorCheck] = []

    def compare(self, reference: Reference) -> None:
        """Compare metadata and the list of tensors with the reference's plan."""
        plan = reference.plan
        self.notes += reference.notes
        expected = parse(plan.header, plan.size, "the plan").entries
        differences = metadata.differences(self.file.entries, expected)
        unseen = _IMATRIX if reference.weighted and plan.matrix is None else ()
        if unseen:
            self.notes.append(
                "the importance matrix that the file was made with is not named, so what the file "
                "says of it is taken as it is"
            )
        for key, text in differences:
            if unseen and key.startswith(unseen):
                continue
            if key.startswith(_ASSUMED if reference.foreign else "quantcli.version"):
                continue  # a version's difference is noted already
            own = reference.foreign and key.startswith(_PROVENANCE)
            (self.notes if own else self.problems).append(text)
        tensors, steps = self.file.tensors, {step.name: step for step in plan.steps}
        mismatches = [(name, f"tensor {name} is missing") for name in steps if name not in tensors]
        mismatches += [
            (name, f"tensor {name} should not be there") for name in tensors if name not in steps
        ]
        for name, tensor in tensors.items():
            if name in steps:
                mismatches += [
                    (name, text)
                    for text in _mismatch(tensor, steps[name], foreign=reference.foreign)
                ]
        self.problems += [text for _, text in mismatches]
        # What a key or tensor should be says more than what it contradicts.
        wrong = {name for name, _ in (*differences, *mismatches)}
        self.contradictions = [each for each in self.contradictions if each[0] not in wrong]
        if not reference.foreign and set(tensors) == set(steps) and list(tensors) != list(steps):
            self.problems.append("the tensors are not in the order of the plan")

    def check_tensors(
        self,
        reference: Reference | None,
        effort: str | None,
        matrix: MatrixSource | None,
        workers: Workers,
        progress: Progress | None,
    ) -> None:
        """Stream through the data of all tensors."""
        steps = {} if reference is None else {step.name: step for step in reference.plan.steps}
        known = frozenset(codec.names())
        subjects = tuple(
            _subject(tensor, steps.get(name))
            for name, tensor in self.file.tensors.items()
            if tensor.type.name in known or self._unknown(tensor, compared=bool(steps))
        )
        root = None if reference is None else reference.root
        total = sum(subject.rows * subject.row_bytes for subject in subjects)
        step = max(1, total // _STEPS)
        merged: dict[int, Finding] = {}
        done = told = 0

        def take(piece: Piece, finding: Finding) -> None:
            nonlocal done, told
            before = merged.get(piece.subject)
            merged[piece.subject] = finding if before is None else before.merged(finding)
            done += (piece.stop - piece.start) * subjects[piece.subject].row_bytes
            if progress is not None and (done - told >= step or done == total):
                told = done
                progress(done, total)

        job = Job(self.file.path, root, subjects, effort, matrix)
        self.notes += check_all(job, list(cut(subjects)), take, workers)
        for number, subject in enumerate(subjects):
            self._conclude(self.file.tensors[subject.name], merged[number])

    def _unknown(self, tensor: Tensor, *, compared: bool) -> bool:
        """Record that a tensor's values cannot be checked; return False."""
        text = (
            f"tensor {tensor.name}: type {tensor.type.name} is not known, its values are unchecked"
        )
        (self.problems if compared else self.notes).append(text)
        return False

    def _conclude(self, tensor: Tensor, finding: Finding) -> None:
        """Record what was found for a tensor."""
        kind, error = tensor.type.name, finding.error
        what = f"tensor {tensor.name} ({kind})"
        self.problems += _data_problems(what, finding)
        if error is None:
            self.checks.append(TensorCheck(tensor.name, kind, tensor.shape, None, None, None))
            return
        bound = BOUNDS[kind]
        if error.nonfinite:
            self.notes.append(
                f"{what}: {error.nonfinite} weights of the source are NaN or infinite"
            )
        self.problems += _error_problems(what, tensor.weights, error, bound)
        self.checks.append(
            TensorCheck(
                name=tensor.name,
                type=kind,
                shape=tensor.shape,
                relative_rmse=_finite(error.relative_rmse),
                bound=bound.of_tensor(tensor.weights),
                worst_block=_finite(error.worst_block),
            )
        )

    def result(self, against: str | None) -> Verification:
        """Return everything that was found."""
        preset = self.file.value("quantcli.preset")
        return Verification(
            path=str(self.file.path),
            against=against,
            preset=preset if isinstance(preset, str) else None,
            size=self.file.size,
            problems=(*self.problems, *(text for _, text in self.contradictions)),
            notes=tuple(self.notes),
            tensors=tuple(self.checks),
        )


def _data_problems(what: str, finding: Finding) -> list[str]:
    """Return what is wrong with a tensor's bytes, whatever its error."""
    problems = []
    if finding.failure:
        problems.append(f"{what}: its source cannot be used: {finding.failure}")
    # Formats of plain values keep what is not finite in the source.
    kept = finding.error is not None and finding.error.nonfinite
    if finding.invalid and not kept:
        problems.append(f"{what}: {finding.invalid} blocks hold a NaN or infinite scale or value")
    if finding.different:
        problems.append(
            f"{what}: {finding.different} rows are not what encoding the source gives, "
            f"the first is row {finding.first_different}"
        )
    return problems


def _error_problems(what: str, weights: int, error: TensorError, bound: Bound) -> list[str]:
    """Return how a tensor of `weights` elements is further from its source than is right."""
    problems = []
    if error.first_bad is not None:
        row, block = error.first_bad
        problems.append(
            f"{what}: {error.bad_blocks} blocks are off by more than the type allows "
            f"(relative error up to {error.worst_block:.3g}, at most {bound.block:.3g}), "
            f"the first is block {block} of row {row}"
        )
    if exceeds(error, bound, weights):
        problems.append(
            f"{what}: relative RMSE {error.relative_rmse:.4g} is above the type's bound "
            f"{bound.of_tensor(weights):.4g}"
        )
    return problems


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _mismatch(tensor: Tensor, step: Step, *, foreign: bool) -> list[str]:
    problems = []
    if tensor.shape != step.shape:
        problems.append(f"tensor {tensor.name} has shape {tensor.shape}, it should be {step.shape}")
    if not foreign and tensor.type.name != step.type:
        problems.append(
            f"tensor {tensor.name} has type {tensor.type.name}, it should be {step.type}"
        )
    return problems


def _subject(tensor: Tensor, step: Step | None) -> Subject:
    origin = None
    if step is not None and step.shape == tensor.shape:
        origin = Origin(step.op, step.args, step.sources)
    rows = tensor.rows
    return Subject(
        name=tensor.name,
        type=tensor.type.name,
        rows=rows,
        columns=tensor.columns,
        row_bytes=tensor.nbytes // rows,
        offset=tensor.offset,
        origin=origin,
        matrices=math.prod(tensor.shape[:-2]),
        importance=step is not None and step.importance,
    )
