"""Cutting a plan into the units of work that workers do and the journal records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from quantcli.planning.plan import Plan

# 1 Mi weights: 4 MiB of float32 input a chunk. Larger ones only raise memory (a worker holds about
# six such buffers), smaller ones cost messages; bench/convert_speed.py shows both.
CHUNK_WEIGHTS = 1 << 20


# Bounds of what a cluster's worker gets at once, in weights: a task costs milliseconds there, and
# what is lost with a worker is done again.
_SMALLEST_BUNDLE = 16 << 20
_LARGEST_BUNDLE = 256 << 20


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


def bundles(
    plan: Plan, chunks: Sequence[Chunk], numbers: Sequence[int], workers: int | None
) -> list[tuple[int, ...]]:
    """Return the chunks `numbers` (ascending) in groups that a worker is given at once.

    Without `workers` every chunk is a group of its own, which processes on this machine can be
    given at no cost. For the workers of a cluster a group is one contiguous range of the output, so
    that few pages are written by two of them, and the largest groups come first.
    """
    if workers is None:
        return [(number,) for number in numbers]
    left = sum(weights(plan, chunks[number]) for number in numbers)
    most = min(max(left // (4 * workers), _SMALLEST_BUNDLE), _LARGEST_BUNDLE)
    groups: list[list[int]] = [[*numbers[:1]]] if numbers else []
    size = weights(plan, chunks[numbers[0]]) if numbers else 0
    for before, number in pairwise(numbers):
        more = weights(plan, chunks[number])
        if number != before + 1 or size + more > most:
            groups.append([])
            size = 0
        groups[-1].append(number)
        size += more
    sizes = [sum(weights(plan, chunks[number]) for number in group) for group in groups]
    order = sorted(range(len(groups)), key=lambda index: -sizes[index])
    return [tuple(groups[index]) for index in order]
