"""Cutting a plan into the units of work that workers do and the journal records."""

from __future__ import annotations

from dataclasses import dataclass

from quantcli.planning.plan import Plan

# 1 Mi weights: 4 MiB of float32 input a chunk. Larger ones only raise memory (a worker holds about
# six such buffers), smaller ones cost messages; bench/convert_speed.py shows both.
CHUNK_WEIGHTS = 1 << 20


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
