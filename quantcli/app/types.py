"""Use case: which tensor types are there, and what does each cost and lose?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantcli import codec
from quantcli.app.plan import DEFAULT_EFFORT
from quantcli.app.presets import REFERENCE, Preset, presets
from quantcli.app.record import to_json
from quantcli.errors import UsageError
from quantcli.planning.summary import Summary

F32 = npt.NDArray[np.float32]

# Enough for two digits of an error; of the time, most goes into the lattice types' tables.
_ERROR_SHAPE = (32, 1024)
# One chunk of every encoder.
_BENCH_SHAPE = (128, 1024)
_LEAST_RUNS = 3
# Processor seconds that a measurement takes at least, so that fast types are run often.
_LEAST_SECONDS = 0.05
_SEED = 0
_DEGREES = 4


@dataclass(frozen=True, slots=True)
class TensorType:
    """One tensor type and what was measured of it.

    Attributes:
        name: canonical name, "Q4_K".
        number: the type's number in a GGUF file.
        bits_per_weight: stored bits per weight, scales included.
        block: weights in a block.
        block_bytes: bytes of a block.
        needs_importance: whether the type is only sensible with an importance matrix.
        error_gaussian: relative RMSE sqrt(Σ(y - x)² / Σx²) of decoded y on standard normal x,
            without importance.
        error_heavy: the same on Student-t with 4 degrees of freedom.
        encoded_per_second: weights encoded in a second of one core's time; None unless asked for.
        decoded_per_second: the same for decoding.
    """

    name: str
    number: int
    bits_per_weight: float
    block: int
    block_bytes: int
    needs_importance: bool
    error_gaussian: float
    error_heavy: float
    encoded_per_second: float | None
    decoded_per_second: float | None


@dataclass(frozen=True, slots=True, repr=False)
class Types(Summary):
    """What a conversion can be asked for, and what tensors can be encoded in.

    Attributes:
        effort: the effort that the types were measured with.
        presets: by size, the largest first.
        reference: the model that the presets' sizes are those of.
        types: all tensor types, in the order of their numbers.
    """

    effort: str
    presets: tuple[Preset, ...]
    reference: str
    types: tuple[TensorType, ...]

    def summary(self) -> Iterator[tuple[str, object]]:
        """Yield the names of presets and types."""
        yield "effort", self.effort
        yield "presets", ", ".join(preset.name for preset in self.presets)
        yield "types", ", ".join(kind.name for kind in self.types)

    def to_json(self) -> str:
        """Return the fields as one JSON object."""
        return to_json(self)


def types(*, effort: str = DEFAULT_EFFORT, bench: bool = False) -> Types:
    """Return every tensor type with its error, measured here and now on small fixed samples.

    Args:
        effort: how hard the encoders search: "fast", "normal" or "best".
        bench: also measure the speed of encoding and decoding on one core of this machine.

    Raises:
        UsageError: unknown effort.
    """
    if effort not in codec.EFFORTS:
        raise UsageError(f"unknown effort {effort!r}; known: {', '.join(codec.EFFORTS)}")
    rng = np.random.default_rng(_SEED)
    gaussian = rng.standard_normal(_ERROR_SHAPE, np.float32)
    heavy = rng.standard_t(_DEGREES, _ERROR_SHAPE).astype(np.float32)
    many = rng.standard_normal(_BENCH_SHAPE, np.float32) if bench else None
    found = []
    for name in codec.names():
        kind = codec.get(name)
        encoded, decoded = (None, None) if many is None else _speeds(kind, many, effort)
        found.append(
            TensorType(
                name=name,
                number=kind.ggml_type,
                bits_per_weight=kind.bits_per_weight,
                block=kind.block,
                block_bytes=kind.layout.itemsize,
                needs_importance=kind.needs_importance,
                error_gaussian=_error(kind, gaussian, effort),
                error_heavy=_error(kind, heavy, effort),
                encoded_per_second=encoded,
                decoded_per_second=decoded,
            )
        )
    return Types(effort, presets(), REFERENCE, tuple(found))


def _error(kind: codec.Codec, x: F32, effort: str) -> float:
    """Return the relative RMSE of `x`, float32 (rows, columns), through the type `kind`."""
    exact = x.astype(np.float64)
    off = kind.decode_rows(kind.encode_rows(x, effort=effort)) - exact
    return float(np.sqrt((off * off).sum() / (exact * exact).sum()))


def _speeds(kind: codec.Codec, x: F32, effort: str) -> tuple[float, float]:
    """Return weights per second of processor time, encoding and decoding `x`."""
    data = kind.encode_rows(x, effort=effort)  # also makes the tables that types share
    encoding = _median_seconds(lambda: kind.encode_rows(x, effort=effort))
    decoding = _median_seconds(lambda: kind.decode_rows(data))
    return x.size / encoding, x.size / decoding


def _median_seconds(run: Callable[[], object]) -> float:
    """Return the median processor time of `run`, which a busy machine does not change much."""
    took: list[float] = []
    while len(took) < _LEAST_RUNS or sum(took) < _LEAST_SECONDS:
        start = time.process_time()
        run()
        took.append(time.process_time() - start)
    # A clock too coarse for a run must not make it infinitely fast.
    return max(statistics.median(took), time.get_clock_info("process_time").resolution)
