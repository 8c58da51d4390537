"""What an importance matrix says of a model, and what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quantcli.errors import ImatrixError, enumerated, listed
from quantcli.importance.matrix import PRIOR_TOKENS, Importance


@dataclass(frozen=True, slots=True)
class Coverage:
    """How a matrix fits the tensors that it is meant for.

    Attributes:
        covered: tensors with data.
        missing: tensors without, in file order.
        thin: tensor → how many of its experts fewer tokens reached than the prior counts for.
        unused: names in the matrix that the model does not have.
    """

    covered: frozenset[str]
    missing: tuple[str, ...]
    thin: Mapping[str, int]
    unused: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a user should know of it."""
        notes = []
        if self.missing:
            notes.append(
                f"the importance matrix has no data of {len(self.missing)} tensors, which are "
                f"encoded without: {enumerated(self.missing)}"
            )
        if self.thin:
            count = sum(self.thin.values())
            notes.append(
                f"fewer than {PRIOR_TOKENS:g} tokens of the calibration reached {count} experts of "
                f"{len(self.thin)} tensors; they count mostly as the average of the others"
            )
        if self.unused:
            notes.append(
                f"the importance matrix has {len(self.unused)} tensors that the file does not: "
                f"{enumerated(self.unused)}"
            )
        return tuple(notes)


def cover(
    matrix: Importance, shapes: Mapping[str, tuple[int, int]], optional: frozenset[str]
) -> Coverage:
    """Return how `matrix` fits a model.

    Args:
        matrix: the importance matrix.
        shapes: of the tensors that are encoded: name → (matrices, columns).
        optional: names whose data are ignored when they have another size, and not missed: the
            embedding and the output layer, which the usual tools leave out.

    Raises:
        ImatrixError: it is of another model: tensors have other sizes, or none is named in it.
    """
    known = set(matrix.names)
    covered, thin, wrong = set(), {}, []
    for name, (matrices, columns) in shapes.items():
        sums = matrix.sums(name) if name in known else None
        if sums is None:
            continue
        if len(sums.squares) != matrices * columns or matrices % len(sums.counts):
            if name not in optional:
                wrong.append(f"{name}: {len(sums.squares)} values for {matrices} x {columns}")
            continue
        covered.add(name)
        few = int((sums.counts < PRIOR_TOKENS).sum()) if len(sums.counts) > 1 else 0
        if few:
            thin[name] = few
    where = ", ".join(str(file.path) for file in matrix.files)
    if wrong:
        raise ImatrixError(
            listed("the importance matrix is of another model:", wrong),
            where=where,
            hint="Make one from this model, or take its own.",
        )
    if not covered and shapes:
        raise ImatrixError(
            f"the importance matrix names no tensor of this model: it has "
            f"{enumerated(matrix.names, shown=3)}, the model {enumerated(shapes, shown=3)}",
            where=where,
            hint="Make one from this model, or take its own.",
        )
    missing = tuple(name for name in shapes if name not in covered | optional)
    unused = tuple(name for name in matrix.names if name not in shapes)
    return Coverage(frozenset(covered), missing, thin, unused)
