"""Cutting a plan into the units of work that workers do and the journal records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quantcli.execute.moving import moves
from quantcli.planning.plan import Plan

# 1 Mi weights: 4 MiB of float32 input a chunk. Larger ones only raise memory (a worker holds about
# six such buffers), smaller ones cost messages; bench/convert_speed.py shows both.
CHUNK_WEIGHTS = 1 << 20


# Bounds of what a cluster's worker gets at once, in weights: a task costs milliseconds there, and
# what is lost with a worker is done again.
_SMALLEST_BUNDLE = 4 << 20
_LARGEST_BUNDLE = 256 << 20
# A weight that only moves costs less than this part of one that is encoded.
_MOVED = 8
# No more than this part of the weights may have to be encoded where work counts as moving.
_ENCODED = 16


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows [start, stop) of the plan's step number `step`."""

    step: int
    start: int
    stop: int


def split(plan: Plan, chunk_weights: int = CHUNK_WEIGHTS) -> tuple[Chunk, ...]:
    """Return the chunks of `plan` in file order: whole rows, about `chunk_weights` weights each.

    A row longer than `chunk_weights` is a chunk of its own, so memory is bounded by the longer of
    the two. Chunks cover every row of every step exactly once.
    """
    chunks = []
    for number, step in enumerate(plan.steps):
        rows = max(1, chunk_weights // step.columns)
        chunks += [
            Chunk(number, start, min(start + rows, step.rows))
            for start in range(0, step.rows, rows)
        ]
    return tuple(chunks)


def weights(plan: Plan, chunk: Chunk) -> int:
    """Return the number of weights in `chunk`."""
    return (chunk.stop - chunk.start) * plan.steps[chunk.step].columns


def position(plan: Plan, chunk: Chunk) -> tuple[int, int]:
    """Return the absolute byte offset and the length of the chunk's encoded rows in the output."""
    step = plan.steps[chunk.step]
    row_bytes = step.nbytes // step.rows
    return step.offset + chunk.start * row_bytes, (chunk.stop - chunk.start) * row_bytes


def mostly_moves(plan: Plan) -> bool:
    """Return whether nearly all weights of `plan` only move, so that there is little to compute."""
    encoded = sum(step.weights for step in plan.steps if not moves(step))
    return encoded * _ENCODED <= plan.weights


def bundles(
    plan: Plan, chunks: Sequence[Chunk], numbers: Sequence[int], workers: int | None
) -> list[tuple[int, ...]]:
    """Return the chunks `numbers` (ascending) in groups that a worker is given at once.

    Every group is one contiguous range of the output, so that few pages are written by two workers.
    Without `workers`, for those on this machine, a group takes no longer than the largest chunk
    would take to be encoded: small tensors go together, and what only moves. For the workers of a
    cluster groups are as large as makes sense, and the largest come first.
    """
    sizes = [weights(plan, chunks[number]) for number in numbers]
    most = max(sizes, default=0)
    if workers is None:
        moved = [moves(step) for step in plan.steps]
        sizes = [
            size // _MOVED if moved[chunks[number].step] else size
            for number, size in zip(numbers, sizes, strict=True)
        ]
    else:
        most = min(max(sum(sizes) // (4 * workers), _SMALLEST_BUNDLE), _LARGEST_BUNDLE)
    groups: list[tuple[int, list[int]]] = []
    for number, size in zip(numbers, sizes, strict=True):
        together, group = groups[-1] if groups else (0, [])
        if group and number == group[-1] + 1 and together + size <= most:
            group.append(number)
            groups[-1] = (together + size, group)
        else:
            groups.append((size, [number]))
    if workers is not None:
        groups.sort(key=lambda entry: -entry[0])
    return [tuple(group) for _, group in groups]
