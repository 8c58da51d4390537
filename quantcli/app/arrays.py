"""Use case: encode and decode arrays in memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quantcli import codec
from quantcli.errors import UsageError


def quantize(
    array: npt.ArrayLike,
    type: str,  # noqa: A002  the field's word, and the keyword callers expect
    *,
    weight: npt.ArrayLike | None = None,
    effort: str = "normal",
) -> npt.NDArray[np.uint8]:
    """Encode `array` in the block format `type`.

    Args:
        array: numbers of shape (…, columns), read as float32; columns must be a multiple of the
            type's block.
        type: codec name in any case ("Q4_K").
        weight: importance of each column, shape (columns,), or None.
        effort: how hard the encoder searches.

    Returns:
        uint8 array of shape (…, bytes of a row).

    Raises:
        UsageError: unknown type, or a shape that does not fit.
    """
    values = np.asarray(array, dtype=np.float32)
    if values.ndim == 0:
        raise UsageError("a scalar cannot be quantized", hint="Give an array of at least one row.")
    kind = codec.get(type)
    columns = values.shape[-1]
    importance = None if weight is None else np.asarray(weight, dtype=np.float32)
    if importance is not None and importance.shape != (columns,):
        raise UsageError(f"{importance.shape} weights do not fit {columns} columns")
    encoded = kind.encode_rows(values.reshape(-1, columns), importance, effort=effort)
    return encoded.reshape(*values.shape[:-1], kind.row_bytes(columns))


def dequantize(
    blocks: npt.NDArray[np.uint8],
    type: str,  # noqa: A002  the same keyword as of `quantize`
    shape: tuple[int, ...],
) -> npt.NDArray[np.float32]:
    """Decode `blocks` of the format `type` to a float32 array of `shape`.

    Args:
        blocks: uint8 array of any shape that holds the encoded rows in order.
        type: codec name in any case.
        shape: shape of the result, innermost dimension last.

    Raises:
        UsageError: unknown type, or `blocks` does not hold `shape`.
    """
    kind = codec.get(type)
    row_bytes = kind.row_bytes(shape[-1]) if shape else 0
    data = np.ascontiguousarray(blocks, dtype=np.uint8)
    if not shape or data.size * shape[-1] != row_bytes * int(np.prod(shape)):
        raise UsageError(f"{data.size} bytes of {kind.name} do not hold the shape {shape}")
    return kind.decode_rows(data.reshape(-1, row_bytes)).reshape(shape)
