"""Value types and tensor types of GGUF: their numbers, names and sizes, from the `gguf` library."""

from __future__ import annotations

from dataclasses import dataclass

from gguf.constants import (
    GGML_QUANT_SIZES,
    GGUF_DEFAULT_ALIGNMENT,
    GGUF_MAGIC,
    GGUFValueType,
)

from quantcli.errors import ContainerError

MAGIC = GGUF_MAGIC.to_bytes(4, "little")
ALIGNMENT = GGUF_DEFAULT_ALIGNMENT
ALIGNMENT_KEY = "general.alignment"
NAME_LIMIT = 63
"""Longest tensor name in bytes: the C reader keeps names in 64 bytes with a terminator."""
DIMS_LIMIT = 4
LENGTH_LIMIT = 2**30
"""Longest string in bytes and longest array in elements that the C reader accepts."""

VALUE_TYPES: dict[str, int] = {kind.name.lower(): kind.value for kind in GGUFValueType}
"""Name of a value type ("uint32", "string", …) to its number in files."""
VALUE_NAMES: dict[int, str] = {number: name for name, number in VALUE_TYPES.items()}
VALUE_FORMATS: dict[str, str] = {
    "uint8": "B",
    "int8": "b",
    "uint16": "H",
    "int16": "h",
    "uint32": "I",
    "int32": "i",
    "float32": "f",
    "bool": "?",
    "uint64": "Q",
    "int64": "q",
    "float64": "d",
}
"""`struct` letters of the value types of fixed size, to be used little-endian."""


@dataclass(frozen=True, slots=True)
class TensorType:
    """How a tensor type packs elements.

    Attributes:
        id: number in files.
        name: upper-case name ("Q4_K").
        block: elements in one block.
        block_bytes: bytes of one block.
    """

    id: int
    name: str
    block: int
    block_bytes: int


def _tensor_types() -> dict[int, TensorType]:
    types = {
        kind.value: TensorType(kind.value, kind.name, *sizes)
        for kind, sizes in GGML_QUANT_SIZES.items()
    }
    # The library still gives Q8_1 the 40 bytes it had with a float32 scale and sum, and does not
    # know Q2_0 yet; both as in ggml: half-precision scale and sum, and 64 two-bit weights.
    types[9] = TensorType(9, "Q8_1", 32, 36)
    types.setdefault(42, TensorType(42, "Q2_0", 64, 18))
    return types


TENSOR_TYPES: dict[int, TensorType] = _tensor_types()


def tensor_bytes(kind: TensorType, shape: tuple[int, ...]) -> int:
    """Return the encoded length in bytes of a tensor of type `kind`, without padding.

    Args:
        kind: the type.
        shape: elements, outermost dimension first.

    Raises:
        ContainerError: the rows are not a whole number of blocks.
    """
    if shape[-1] % kind.block:
        raise ContainerError(
            f"a row of {shape[-1]} elements is not whole blocks of {kind.block} ({kind.name})"
        )
    count = shape[-1] // kind.block * kind.block_bytes
    for n in shape[:-1]:
        count *= n
    return count


def aligned(position: int, alignment: int) -> int:
    """Return `position` rounded up to a multiple of `alignment`."""
    return -(-position // alignment) * alignment
