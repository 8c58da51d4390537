"""Reading byte ranges of files that may change under us.

Ranges are read and not mapped: where a mapped file shrinks, touching its pages ends the process
with a signal, while a read only comes up short, which can be said.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quantcli.errors import InputError, QuantcliError


class RangeFile:
    """A file open for reading by position, from any thread; closed with its last reference.

    Args:
        path: the file.
        where: how messages name it.
        fault: the error raised where the file is not what it was.

    Raises:
        InputError: it cannot be opened.
    """

    def __init__(self, path: Path, where: str, fault: Callable[..., InputError]) -> None:
        self._where, self._fault = where, fault
        self.descriptor, self._size = -1, 0
        try:
            self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._size = os.fstat(self.descriptor).st_size
        except OSError as error:
            raise fault(f"cannot be opened: {error.strerror}", where=where) from error

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def require(self, end: int, what: str) -> None:
        """Raise InputError where the file did not reach to byte `end` when it was opened."""
        if end > self._size:
            raise self._short(f"{what}: ", end, self._size)

    def read_into(self, offset: int, out: npt.NDArray[np.generic]) -> None:
        """Fill the C-contiguous array `out` with the bytes from `offset` on.

        Raises:
            InputError: the file ends before.
            QuantcliError: the device fails.
        """
        view = out.reshape(-1).view(np.uint8).data
        at = offset
        while view:
            try:
                count = os.preadv(self.descriptor, [view], at)
            except OSError as error:
                raise QuantcliError(
                    f"cannot be read at byte {at}: {error.strerror}",
                    where=self._where,
                    hint="When that is mended, run the same command again.",
                ) from error
            if not count:
                raise self._short("", at + len(view), at)
            view, at = view[count:], at + count

    def _short(self, what: str, need: int, have: int) -> InputError:
        return self._fault(
            f"{what}needs bytes up to {need}, the file has {have}",
            where=self._where,
            hint="The file has changed since it was checked: start again.",
        )
