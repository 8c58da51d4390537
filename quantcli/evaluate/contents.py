"""Whether a file holds, to the byte, what carrying out a plan would write."""

from __future__ import annotations

from pathlib import Path

from quantcli.evaluate.comparison import Job, Piece, Workers, check_all, cut
from quantcli.evaluate.task import Finding, Origin, Subject
from quantcli.importance import MatrixSource
from quantcli.planning.plan import Plan, Step


def holds(
    path: Path, plan: Plan, root: Path, workers: Workers, matrix: MatrixSource | None = None
) -> bool:
    """Return whether the file at `path` is what `plan` makes of the checkpoint in `root`.

    Size and header are compared first; then every tensor's source is read, encoded again and
    compared. That takes about as long as the conversion. Rows with weights that are not finite are
    not encoded but held to the bounds of their type.

    Raises:
        QuantcliError: the file cannot be read, or workers do not start or die.
    """
    with path.open("rb") as file:
        if file.read(len(plan.header)) != plan.header or path.stat().st_size != plan.size:
            return False
    subjects = tuple(_subject(step) for step in plan.steps)
    wrong: list[Piece] = []

    def take(piece: Piece, finding: Finding) -> None:
        bad = finding.error is not None and finding.error.bad_blocks
        if finding.failure or finding.different or bad:
            wrong.append(piece)

    job = Job(path, root, subjects, plan.effort, matrix)
    check_all(job, list(cut(subjects)), take, workers)
    return not wrong


def _subject(step: Step) -> Subject:
    return Subject(
        name=step.name,
        type=step.type,
        rows=step.rows,
        columns=step.columns,
        row_bytes=step.nbytes // step.rows,
        offset=step.offset,
        origin=Origin(step.op, step.args, step.sources),
        matrices=step.matrices,
        importance=step.importance,
    )
