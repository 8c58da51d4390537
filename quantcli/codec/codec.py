"""The codec type: one GGUF tensor type, how its blocks are encoded, decoded and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from quantcli.codec.layout.bits import F32, SCRATCH, U8, Blocks, has_nonfinite, reaches_infinity
from quantcli.codec.layout.block_parts import Decode, Exact
from quantcli.codec.layout.lanes import to_quads
from quantcli.codec.recovery.recover import restore, suspects
from quantcli.codec.search.scale import Search
from quantcli.errors import InputError, UsageError

Mask = npt.NDArray[np.bool_]
Encode = Callable[[F32, F32 | None, Search, Blocks], None]

# Weights handled together, in one thread. Smaller chunks stay in a core's L2 cache but spend their
# time in the calls for the few values per group; bench/codec_bench.py --chunk prints the speed over
# this number. A chunk's buffers take about 4 MB.
CHUNK_WEIGHTS = 128 * 1024
# The same for decoding, whose calls are short: at half of it the types with the most steps lose a
# quarter of their speed.
DECODED_WEIGHTS = 256 * 1024

# No block format with float16 scales reaches this; far below, x² still fits float32.
LARGEST = np.float32(2.0**40)

# Least importance of a column, relative to the largest.
FLOOR = np.float32(1e-6)

EFFORTS = ("fast", "normal", "best")


class ScaleOverflowError(InputError):
    """A block's values are too large for its type, most often for a float16 scale.

    `row` and `block` count from 0 inside the rows of the call that raised it; `instead` is the
    smallest type that takes all magnitudes.
    """

    def __init__(self, name: str, row: int, block: int, *, where: str | None = None) -> None:
        instead = "F32" if name == "BF16" else "BF16"
        super().__init__(
            f"row {row}, block {block}: values exceed what {name} can hold",
            where=where,
            hint=f"{instead} can hold them: choose the type {instead}.",
        )
        self.codec = name
        self.row = row
        self.block = block
        self.instead = instead


@dataclass(frozen=True, slots=True)
class Codec:
    """One tensor type.

    Attributes:
        name: canonical name, "Q4_K".
        ggml_type: the type's number in a GGUF file.
        block: elements per block.
        layout: structured dtype of one block; its itemsize is the bytes per block.
        group: elements that share one scale; the encoder sees (group, block / group, n).
        by_rows: the encoder sees the values as (n, block), as they lie in memory, and without
            weights: for types that need no search and would spend their time transposing.
        quads: the encoder sees x and w as `quantcli.codec.layout.lanes` arranges them: for searches
            so short that transposing in full would take longer.
        encode: called with finite values x and weights w (group, block / group, n), w None for
            uniform, neither to be changed; the search effort; the structured blocks (n,) to fill.
        decode: called with structured blocks (n,) and the float32 (n, block) to fill.
        searches: parameters of the encoder by effort; absent efforts use "normal".
        scales: float fields of the layout that must be finite in a valid block.
        weighted: whether the importance of columns weights the squared error of a fit (ADR 0011).
        needs_importance: whether the type is only sensible with an importance matrix.
        exact: what values blocks can hold, so that a decoded block is encoded without loss.
        broken: marks the invalid blocks (n,) where finite `scales` do not say it all.
        infinite: bits of infinity, where a block is one float: finds out fast that all are valid.
    """

    name: str
    ggml_type: int
    block: int
    layout: np.dtype[np.void]
    encode: Encode
    decode: Decode
    group: int = 32
    by_rows: bool = False
    quads: bool = False
    searches: Mapping[str, Search] = field(default_factory=dict)
    scales: tuple[str, ...] = ("d",)
    weighted: bool = False
    needs_importance: bool = False
    exact: Exact | None = None
    broken: Callable[[Blocks], Mask] | None = None
    infinite: int | None = None

    @property
    def bits_per_weight(self) -> float:
        """Stored bits per element, scales included."""
        return 8 * self.layout.itemsize / self.block

    def row_bytes(self, columns: int) -> int:
        """Bytes of one encoded row.

        Raises:
            UsageError: `columns` is not a multiple of the block.
        """
        if columns % self.block:
            raise UsageError(
                f"{self.name} needs rows of a multiple of {self.block} values, not {columns}"
            )
        return columns // self.block * self.layout.itemsize

    def encode_rows(self, x: F32, weight: F32 | None = None, *, effort: str = "normal") -> U8:
        """Encode float32 (rows, columns) to uint8 (rows, row_bytes(columns)).

        Args:
            x: values; NaN and infinity are kept by F32, F16 and BF16 and count as 0 elsewhere.
            weight: importance per column (columns,), not negative, or None.
            effort: "fast", "normal" or "best".

        The bytes of a row depend on that row, `weight` and `effort` alone.

        Raises:
            UsageError: wrong shape, unknown effort.
            ScaleOverflowError: a block's scale does not fit float16.
        """
        if effort not in EFFORTS:
            raise UsageError(f"unknown effort {effort!r}; known: {', '.join(EFFORTS)}")
        rows, columns = x.shape
        out = np.empty((rows, self.row_bytes(columns)), np.uint8)
        if out.size == 0:
            return out
        x = np.ascontiguousarray(x, np.float32)
        search = self.searches.get(effort) or self.searches.get("normal") or Search()
        blocks = out.reshape(-1).view(self.layout)
        importance = self._importance(weight, columns)
        with np.errstate(all="ignore"):
            self._encode_blocks(x, importance, search, blocks)
        return out

    def _importance(self, weight: F32 | None, columns: int) -> F32 | None:
        """The column weights as (columns / block, block), scaled to a largest value of about 1."""
        if weight is None or not self.weighted:
            return None
        if weight.shape != (columns,):
            raise UsageError(f"importance has shape {weight.shape}, the rows {columns} columns")
        if has_nonfinite(weight) or float(weight.min()) < 0:
            raise UsageError("importance must be finite and not negative")
        exponent = np.frexp(weight.max())[1]  # a power of two changes no ratio
        scaled: F32 = np.ldexp(weight.astype(np.float32), -exponent)
        # columns without any importance must still share the fit of their group
        np.maximum(scaled, FLOOR, out=scaled)
        return scaled.reshape(-1, self.block)

    def _encode_blocks(
        self, x: F32, importance: F32 | None, search: Search, blocks: Blocks
    ) -> None:
        """Feed the encoder with chunks."""
        per_row = x.shape[1] // self.block
        flat = x.reshape(-1, self.block)
        # encoders of quads have fewer and shorter steps, and buffers
        step = max(1, CHUNK_WEIGHTS * (3 if self.quads else 2) // 2 // self.block)
        unit = per_row if step > per_row else 1  # whole rows have one pattern of weights
        units, most = len(flat) // unit, step // unit
        # equal chunks: a short last one would spend its time in calls
        step = -(-units // -(-units // most)) * unit
        pattern: F32 | None = None
        likely = []
        for start in range(0, len(flat), step):
            part = flat[start : start + step]
            chunk = self._arranged(self._guard(part, start, per_row), "chunk")
            weights = None
            if importance is not None:
                if pattern is None or step % per_row:
                    pattern = self._pattern(importance, start, step)
                weights = pattern[..., : chunk.shape[-1]]
            self.encode(chunk, weights, search, blocks[start : start + step])
            if self.exact is not None:
                likely.append(start + suspects(self.exact, self._groups(part)))
        if self.exact is not None:
            restore(self.exact, self.decode, self._groups(flat), np.concatenate(likely), blocks)
        for start in range(0, len(flat), step):
            end = start + step
            self._check(flat[start:end], blocks[start:end], start, per_row)

    def _groups(self, part: F32) -> F32:
        """View blocks (n, block) as (n, block / group, group)."""
        return part.reshape(len(part), -1, self.group)

    def _arranged(self, part: F32, name: str) -> F32:
        """Blocks (n, block) in the encoder's layout, copied to the scratch buffer `name`."""
        if self.by_rows:
            return part
        if self.quads:
            return to_quads(part.reshape(-1, self.group), name)
        groups = self.block // self.group
        chunk: F32 = SCRATCH.take(name, (self.group, groups, len(part)))
        np.copyto(chunk, part.reshape(len(part), groups, self.group).T)
        return chunk

    def _guard(self, part: F32, start: int, per_row: int) -> F32:
        """Count what is not finite as 0; refuse what no float16 scale can hold."""
        if self.block == 1 or (np.max(part) <= LARGEST and np.min(part) >= -LARGEST):
            return part
        part = np.where(np.isfinite(part), part, np.float32(0))
        bad = (np.abs(part) > LARGEST).any(axis=1)
        if bad.any():
            raise ScaleOverflowError(self.name, *divmod(start + int(np.argmax(bad)), per_row))
        return part

    def _pattern(self, importance: F32, start: int, count: int) -> F32:
        """Column importance of `count` blocks from block `start` on, in the chunk's layout."""
        index = np.arange(start, start + count) % len(importance)
        return self._arranged(importance[index], "pattern")

    def _check(self, x: F32, blocks: Blocks, start: int, per_row: int) -> None:
        """Raise ScaleOverflowError for the first block that finite values made invalid."""
        bad = self._broken(blocks)
        if bad.any() and self.block == 1:  # a plain value type keeps NaN and infinity
            bad &= np.isfinite(x[:, 0])
        if bad.any():
            raise ScaleOverflowError(self.name, *divmod(start + int(np.argmax(bad)), per_row))

    def _broken(self, blocks: Blocks) -> Mask:
        """Mark the blocks (n,) with a scale (or value) that is NaN or infinite."""
        if self.broken is not None:
            return self.broken(blocks)
        bad = np.zeros(len(blocks), np.bool_)
        for name in self.scales:
            bad |= ~np.isfinite(blocks[name])
        return bad

    def decode_rows(self, data: U8) -> F32:
        """Decode uint8 (rows, row_bytes) to float32 (rows, columns).

        Raises:
            UsageError: the rows are not a whole number of blocks.
        """
        size = self.layout.itemsize
        rows, width = data.shape
        if width % size:
            raise UsageError(f"{self.name} rows are a multiple of {size} bytes, not {width}")
        out = np.empty((rows, width // size * self.block), np.float32)
        if out.size == 0:
            return out
        blocks = np.ascontiguousarray(data).reshape(-1).view(self.layout)
        flat = out.reshape(-1, self.block)
        step = max(1, DECODED_WEIGHTS // self.block)
        with np.errstate(all="ignore"):
            for start in range(0, len(flat), step):
                self.decode(blocks[start : start + step], flat[start : start + step])
        return out

    def invalid_blocks(self, data: U8) -> int:
        """Count the blocks of uint8 (rows, row_bytes) with a NaN or infinite scale (or value)."""
        flat = np.ascontiguousarray(data).reshape(-1)
        if self.infinite is not None:
            codes = flat.view(f"<u{self.layout.itemsize}")
            if not reaches_infinity(codes, self.infinite):
                return 0
        return int(np.count_nonzero(self._broken(flat.view(self.layout))))


def block_layout(*fields: tuple[str, str] | tuple[str, str, tuple[int, ...]]) -> np.dtype[np.void]:
    """A packed little-endian structured dtype from (name, type[, shape]) fields."""
    layout: np.dtype[np.void] = np.dtype(list(fields))
    return layout
