"""The checksum that a journal keeps of every chunk, and workers of a cluster answer with.

It has to show whether the bytes read back are those that were written: pages that never reached
the storage (zeros, or what lay there before), pages in another's place, a write that was torn. It
is not meant to withstand anybody who wants it to match.

A CRC-32 would do, but reading a chunk takes less time than its CRC does, so that of an unquantized
model it would be the larger part of a conversion. Instead the bytes are added up as 64-bit words,
page by page, and the CRC-32 is that of the sums: a page that differs has another sum but for one
case in 2^64 (always, where a single word differs), and pages that change places change the CRC.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

PAGE = 4096
_WORD = np.dtype("<u8")


def checksum(data: npt.NDArray[np.uint8]) -> int:
    """Return the checksum, 32 bits, of a C-contiguous array of bytes.

    It is the CRC-32 of the sums, modulo 2^64 and as 8 bytes little-endian each, of every whole
    page of 4096 bytes, followed by the bytes of the last page where that is not whole.
    """
    flat = data.reshape(-1)
    whole = flat.size // PAGE * PAGE
    words = flat[:whole].view(_WORD).reshape(-1, PAGE // _WORD.itemsize)
    sums = np.add.reduce(words, axis=1, dtype=np.uint64).astype(_WORD, copy=False)
    return zlib.crc32(flat[whole:].data, zlib.crc32(sums.data))
