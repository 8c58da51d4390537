"""The element types of safetensors files: how long an element is, and which can be read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

# Bits per element of every dtype the safetensors format knows; a header may name any of them.
DTYPE_BITS: dict[str, int] = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "F4": 4,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
    "C64": 64,
}

# Storage type of the dtypes that hold weights. BF16 has no numpy type of its own: it is read as its
# 16 bits, which are the upper half of a float32.
_STORAGE: dict[str, np.dtype[np.generic]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}

READABLE: tuple[str, ...] = tuple(_STORAGE)


def storage(dtype: str) -> np.dtype[np.generic]:
    """Return the little-endian numpy type under which elements of `dtype` lie in the file."""
    return _STORAGE[dtype]


def to_float32(stored: npt.NDArray[np.generic], dtype: str) -> FloatArray:
    """Return a new C-contiguous float32 array with the values of `stored`.

    Args:
        stored: array of `storage(dtype)`, any shape and strides.
        dtype: one of READABLE. F64 is rounded to nearest; the others are exact.
    """
    if dtype == "BF16":
        wide = stored.astype(np.uint32, order="C")
        wide <<= 16
        return wide.view(np.float32)
    # Values beyond float32's range become infinities, which the caller looks for.
    with np.errstate(over="ignore"):
        return stored.astype(np.float32, order="C")
