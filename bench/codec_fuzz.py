"""Feed every encoder with blocks meant to break it.

    python bench/codec_fuzz.py [--types Q4_K,Q6_K] [--efforts fast,normal,best] [--blocks 100000]
                               [--seed 1]

Magnitudes run from 1e-38 to the largest a type promises to take, and above it to 1e38;
hostile_blocks.py says what kinds of blocks and of column importance there are. For every block:

* warnings are errors, and so is an invalid floating-point operation inside an encoder (0/0, a NaN
  cast to an integer): its result would depend on the processor;
* up to the limit a block is encoded; above, it is encoded or refused with its row and block named;
* no scale is NaN or infinite, nor is any decoded value, save where F32, F16 and BF16 keep one;
* without importance the error is within the type's bound (`quantcli.evaluate.bounds`), with it the
  weighted error is not above that of zeros; no value gets larger than `GROWTH` times the block's
  largest;
* the bytes are the same in another order of rows and other chunks.

Inputs are made from a generator's integers by exact arithmetic, so the SHA-256 of all blocks and of
what they decode to, which ends each line, is the same on every machine. Exit status 1 when a check
failed.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import sys
import time
import warnings
from collections.abc import Iterator
from unittest import mock

import numpy as np
import numpy.typing as npt
from hostile_blocks import BLOCKS, IMPORTANCE, PER_ROW, Batch, Draws, limit, make_batch
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from quantcli import codec
from quantcli.codec import codec as engine
from quantcli.codec.search.scale import Search
from quantcli.evaluate.bounds import BOUNDS

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

# From here on every type but F32 and BF16 refuses.
REFUSED = 2.0**41
BATCH = 1 << 19  # weights encoded in one call
BATCHES = 10  # at least, so that every kind of importance comes up
# A decoded magnitude over the largest of its block. Where a column counts for nearly nothing, a
# lattice may put its largest coordinate in place of its smallest.
GROWTH = {"IQ1": 9.0, "IQ2": 43 / 8, "IQ3": 62 / 4}
# Sums of an encoder are float32.
SLACK = 1e-3


def watched(kind: codec.Codec) -> codec.Codec:
    """The codec with an encoder that raises FloatingPointError for an invalid operation.

    Types without blocks cast NaN, which is one where it is a signalling NaN.
    """
    if kind.block == 1:
        return kind

    def encode(x: F32, weight: F32 | None, search: Search, out: npt.NDArray[np.void]) -> None:
        with np.errstate(invalid="raise", divide="raise"):
            kind.encode(x, weight, search, out)

    return dataclasses.replace(kind, encode=encode)


def weights_of(kind: codec.Codec, batch: Batch) -> F64:
    """What an encoder weighs squared errors with (blocks, block)."""
    if batch.weight is None or not kind.weighted:
        return np.ones((batch.x.size // kind.block, kind.block))
    q = batch.weight.astype(np.float64)
    q = np.maximum(q / 2.0 ** int(np.frexp(q.max())[1]), float(engine.FLOOR))
    return np.tile(q, len(batch.x)).reshape(-1, kind.block)


def coarseness(kind: codec.Codec, effort: str) -> float:
    """Error of a value over the block's largest that rounding scales and minimums may cause.

    Where importance is skewed, that can be more than the values that count. Only efforts with joint
    rounds compare super-blocks by true error afterwards.
    """
    levels = {"Q2_K": 15, "Q4_K": 63, "Q5_K": 63}.get(kind.name)
    if levels and effort == "fast":
        return 1.5 / levels  # half a step of the scale, over a range of 2, and of the minimum
    return 2.0**-11 if "m" in kind.scales else 0.0


def ratios(kind: codec.Codec, effort: str, batch: Batch, decoded: F32) -> tuple[F64, F64]:
    """Error and largest magnitude of every block, over what is allowed."""
    bound = BOUNDS[kind.name]
    x = np.where(np.isfinite(batch.x), batch.x, 0).reshape(-1, kind.block).astype(np.float64)
    y = decoded.reshape(-1, kind.block).astype(np.float64)
    w = weights_of(kind, batch)
    peak = np.abs(x).max(axis=1)
    relative, absolute = bound.block, bound.floor + 0 * peak
    if batch.weight is not None and kind.weighted:
        relative, absolute = 1.0, bound.floor + coarseness(kind, effort) * peak
    allowed = relative * np.sqrt((w * x * x).sum(axis=1)) + absolute * np.sqrt(w.sum(axis=1))
    error = np.sqrt((w * (y - x) ** 2).sum(axis=1))
    largest = peak * GROWTH.get(kind.name[:3], 2.0) + 2 * bound.floor
    tiny = 1e-300  # of blocks of zeros
    return error / np.maximum(allowed, tiny), np.abs(y).max(axis=1) / np.maximum(largest, tiny)


class Run:
    """The checks of one type at one effort, and what they found."""

    def __init__(self, kind: codec.Codec, effort: str, seed: int) -> None:
        self.kind, self.effort = kind, effort
        self.draws = Draws(seed)
        self.worst = {"uniform": 0.0, "weighted": 0.0, "growth": 0.0}
        self.refused = 0
        self.problems: list[str] = []
        self.digest = hashlib.sha256()

    def run(self, blocks: int) -> None:
        """Check `blocks` blocks within the limit, and one for a hundred of them above it."""
        size = max(1, min(-(-blocks // BATCHES), BATCH // max(self.kind.block, 32)))
        for number, start in enumerate(range(0, blocks, size)):
            batch = make_batch(self.kind, self.draws, min(size, blocks - start), number)
            try:
                self._check(batch)
            except (codec.ScaleOverflowError, FloatingPointError, Warning) as error:
                self.problems.append(f"batch {number}: {error!r}")
        for _ in range(-(-blocks // 100)):
            self._check_refusal()

    def _encode(self, kind: codec.Codec, batch: Batch) -> npt.NDArray[np.uint8]:
        return kind.encode_rows(batch.x, batch.weight, effort=self.effort)

    def _check(self, batch: Batch) -> None:
        data = self._encode(watched(self.kind), batch)
        decoded = self._judge(batch, data)
        self.digest.update(data.tobytes())
        self.digest.update(decoded.tobytes())
        order = np.argsort(self.draws.integers((len(batch.x),), 1 << 30), kind="stable")[:64]
        chunk = int(self.draws.integers((), 5 * 256 * 4)) + 1
        with mock.patch.object(engine, "CHUNK_WEIGHTS", chunk):
            again = self._encode(self.kind, dataclasses.replace(batch, x=batch.x[order]))
        if not np.array_equal(again, data[order]):
            self.problems.append(f"other bytes in chunks of {chunk} and another order")

    def _judge(self, batch: Batch, data: npt.NDArray[np.uint8]) -> F32:
        """Check the decoded blocks and return them."""
        decoded = self.kind.decode_rows(data)
        kept = ~np.isfinite(batch.x) if self.kind.block == 1 else np.zeros(batch.x.shape, np.bool_)
        if self.kind.invalid_blocks(data) != kept.sum():
            self.problems.append("scales that are not finite")
        if not np.array_equal(batch.x[kept], decoded[kept], equal_nan=True):
            self.problems.append("infinity or NaN is not kept")
        decoded = np.where(kept, np.float32(0), decoded)
        weighted = "weighted" if batch.weight is not None and self.kind.weighted else "uniform"
        error, growth = ratios(self.kind, self.effort, batch, decoded)
        slack = 1 + SLACK
        for name, found in ((weighted, error), ("growth", growth)):
            # Not `found > …`: a NaN must count as bad.
            bad_blocks = np.flatnonzero(~(found <= slack))
            for block in bad_blocks[:3]:
                origin = BLOCKS[batch.made_by[block * self.kind.block // max(self.kind.block, 32)]]
                self.problems.append(
                    f"{name}: {found[block]:.4g} times what is allowed, {len(bad_blocks)} blocks "
                    f"such as {origin.__name__}"
                )
            self.worst[name] = max(self.worst[name], float(found.max()))
        return decoded

    def _check_refusal(self) -> None:
        """One block above the limit among others."""
        kind, draws = self.kind, self.draws
        largest = limit(kind)
        batch = make_batch(kind, draws, 3 * PER_ROW, int(draws.integers((), len(IMPORTANCE))))
        x = batch.x.reshape(-1, kind.block)
        place = int(draws.integers((), len(x)))
        count = 1 + int(draws.integers((), kind.block))
        top = min(int(np.frexp(largest)[1]), 126)
        end = (127, min(top + 10, 127))[int(draws.integers((), 2))]
        huge = draws.logarithmic((count,), top, end)
        x[place, :count] = huge * draws.signs((count,))
        try:
            data = self._encode(kind, batch)
        except codec.ScaleOverflowError as error:
            self.refused += 1
            if (error.row, error.block) != divmod(place, len(x) // len(batch.x)):
                self.problems.append(f"refused row {error.row}, block {error.block}: wrong")
            if kind.name in {"F32", "BF16"}:
                self.problems.append(f"refused {np.abs(huge).max()}")
            return
        if np.abs(huge).max() >= REFUSED and kind.name not in {"F32", "BF16"}:
            self.problems.append(f"did not refuse {np.abs(huge).max()}")
        self._judge(batch, data)


def runs(options: argparse.Namespace) -> Iterator[tuple[Run, float]]:
    """Check all types at all efforts asked for; yield each with the seconds it took."""
    for name in options.types.split(","):
        for effort in options.efforts.split(","):
            run = Run(codec.get(name), effort, options.seed)
            start = time.process_time()
            run.run(options.blocks)
            yield run, time.process_time() - start


def main() -> int:
    """Print one line a type and effort."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--types", default=",".join(codec.names()))
    parser.add_argument("--efforts", default=",".join(codec.EFFORTS))
    parser.add_argument("--blocks", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("error")
    dispatched = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
    print(f"numpy {np.__version__}, dispatched: {' '.join(dispatched) or 'none'}")
    print("type     effort  uniform weighted growth refused seconds  sha256")
    failed = False
    for run, seconds in runs(options):
        worst = "  ".join(f"{run.worst[name]:6.3f}" for name in ("uniform", "weighted", "growth"))
        print(
            f"{run.kind.name:8} {run.effort:7} {worst} {run.refused:6} {seconds:7.1f}  "
            f"{run.digest.hexdigest()}",
            flush=True,
        )
        for problem in run.problems[:20]:
            print(f"  {problem}")
        failed |= bool(run.problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
