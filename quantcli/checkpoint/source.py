"""The one face of everything tensors can be read from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from quantcli.workers.packed import Packed

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TensorRef(Packed):
    """Where a tensor's bytes lie.

    Attributes:
        name: the tensor's name in its file.
        dtype: safetensors spelling ("F32", "BF16", …).
        shape: outermost dimension first.
        file: path relative to the checkpoint's folder.
        offset: absolute byte offset of the first element in that file.
        nbytes: length of the data in bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: str
    offset: int
    nbytes: int

    @property
    def columns(self) -> int:
        """Length of the innermost dimension (1 for a scalar)."""
        return self.shape[-1] if self.shape else 1

    @property
    def rows(self) -> int:
        """Product of all dimensions but the innermost (1 for a vector)."""
        return math.prod(self.shape[:-1])


class TensorSource(Protocol):
    """Tensors by name, readable in row ranges."""

    def names(self) -> tuple[str, ...]:
        """Return all tensor names in file order."""
        ...

    def ref(self, name: str) -> TensorRef:
        """Return where the tensor `name` lies."""
        ...

    def rows(self, name: str, start: int, stop: int) -> FloatArray:
        """Return rows [start, stop) of the tensor seen as (rows, columns), as float32."""
        ...
