"""One importance matrix out of one or several files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quantcli.errors import ImatrixError, UsageError
from quantcli.importance.files import read_file
from quantcli.importance.parts import F32, F64, ImatrixFile, Sums

# Tokens' worth of the tensor's average that every expert's own measurement is mixed with (ADR 16).
PRIOR_TOKENS = 16.0


@dataclass(frozen=True, slots=True)
class Importance:
    """An importance matrix.

    Attributes:
        files: what it is merged from, in the order given.
        include: regular expressions; when there are any, only names that one is found in count.
        exclude: regular expressions; names that one is found in do not count.
    """

    files: tuple[ImatrixFile, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tensors that there are data of, sorted."""
        every = {name for file in self.files for name in file.sums}
        return tuple(sorted(name for name in every if self._counts(name)))

    def _counts(self, name: str) -> bool:
        if self.include and not any(re.search(pattern, name) for pattern in self.include):
            return False
        return not any(re.search(pattern, name) for pattern in self.exclude)

    def sums(self, name: str) -> Sums | None:
        """Return the sums of all files for the tensor `name`; None without any token.

        Raises:
            ImatrixError: the files are of different models.
        """
        found = [(f, f.sums[name]) for f in self.files if name in f.sums]
        if not found or not self._counts(name):
            return None
        first, total = found[0]
        for file, more in found[1:]:
            if len(more.squares) != len(total.squares):
                raise ImatrixError(
                    f"{name} has {len(more.squares)} values here, {len(total.squares)} in "
                    f"{first.path}",
                    where=str(file.path),
                    hint="Only matrices of one model can be merged.",
                )
            total = Sums(total.squares + more.squares, total.counts + more.counts)
        return total if (total.counts > 0).any() else None

    def fits(self, name: str, matrices: int, columns: int) -> bool:
        """Tell whether there are data of a tensor of this size."""
        sums = self.sums(name)
        if sums is None:
            return False
        return len(sums.squares) == matrices * columns and not matrices % len(sums.counts)

    def weights(self, name: str, matrices: int, columns: int) -> F32 | None:
        """Return the importance of the columns of the tensor `name`, None where there are no data.

        The importance of a column is the mean of its squared inputs. Experts that few tokens
        reached are mixed with the mean over all of them.

        Args:
            name: GGUF name of the weight.
            matrices: how many matrices it has: the experts, else 1.
            columns: length of a row.

        Returns:
            float32 (matrices, columns).

        Raises:
            ImatrixError: the matrix was made for other sizes.
        """
        sums = self.sums(name)
        if sums is None:
            return None
        if len(sums.squares) != matrices * columns or matrices % len(sums.counts):
            raise ImatrixError(
                f"{name} has {len(sums.squares)} values, the model {matrices} x {columns}",
                where=", ".join(str(file.path) for file in self.files),
                hint="The importance matrix is of another model.",
            )
        squares: F64 = sums.squares.reshape(matrices, columns).astype(np.float64)
        counts = np.repeat(sums.counts, matrices // len(sums.counts))[:, None]
        # One count for several matrices is the number of tokens that each of them saw.
        if matrices > 1:
            mean = squares.sum(axis=0) / counts.sum()
            squares, counts = squares + PRIOR_TOKENS * mean, counts + PRIOR_TOKENS
        means: F32 = (squares / counts).astype(np.float32)
        return means


def read_imatrix(
    paths: str | Path | Iterable[str | Path],
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Importance:
    """Return the importance matrix in one file, or that of several merged.

    Args:
        paths: files of llama-imatrix, GGUF or the older .dat.
        include: regular expressions; when there are any, only tensors whose name one is found in.
        exclude: regular expressions of tensors to leave out.

    Raises:
        UsageError: no file, one twice, or an expression that is none.
        ImatrixError: a file cannot be read, is damaged, or of another model than the others.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not given:
        raise UsageError("no importance matrix is named")
    for pattern in (*include, *exclude):
        try:
            re.compile(pattern)
        except re.error as error:
            raise UsageError(f"{pattern!r} is no regular expression: {error}") from error
    files = tuple(read_file(Path(os.fspath(path))) for path in given)
    if len({file.digest for file in files}) != len(files):
        raise UsageError("the same importance matrix is named twice")
    matrix = Importance(files, tuple(include), tuple(exclude))
    if not matrix.names:
        raise UsageError("no tensor is left of the importance matrix")
    return matrix
