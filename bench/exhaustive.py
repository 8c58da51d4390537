"""How far the searches are from the best scales there are: super-blocks by exhaustion.

    python bench/exhaustive.py --imatrix FILE [--ggml libggml-base.so] [--rows 8]

For a ladder of float16 super-scales around those of effort "best", every integer scale (and every
pair of scale and min) of every group is tried, codes are rounded to nearest, and the best of all is
kept. What remains is the ladder's pitch. Printed are errors over those of the C reference's
weighted path (uniform weights where there is no importance), on the same rows.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import codec_bench as bench
import numpy as np
import numpy.typing as npt

from quantcli import codec

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

# Largest code and integer scale; symmetric types reach from -n to n - 1, the others from 0 to n.
SYMMETRIC = {"Q3_K": (4, 32), "Q6_K": (32, 128)}
RANGE = {"Q2_K": (3, 15)}
TYPES = (*SYMMETRIC, *RANGE)
INPUTS = ("attn_q", "ffn_down", "embd")
GROUP = 16
# The rows of a matrix that are looked at start here: the first rows of an embedding are rare bytes.
FIRST = 100
ROWS = 8


def ladder(values: F32, factors: Iterable[float]) -> F32:
    """Float16 multiples of super-scales (n,): (factors, n)."""
    return np.float32(np.float16(np.stack([values * np.float32(f) for f in factors])))


def symmetric(name: str, x: F32, w: F32, d: F32) -> F64:
    """Least weighted error of super-blocks x (n, groups, 16) around super-scales d (n,)."""
    high, levels = SYMMETRIC[name]
    integers = [i for i in range(-levels, levels) if i]
    best = np.full(len(x), np.inf)
    for trial in ladder(d, np.linspace(0.85, 1.2, 15)):
        group = np.full(x.shape[:2], np.inf)
        for integer in integers:
            scale = (trial * np.float32(integer))[:, None, None]
            codes = np.rint(x / scale).clip(-high, high - 1)
            np.minimum(group, (w * (x - codes * scale) ** 2).sum(axis=2), out=group)
        np.minimum(best, group.sum(axis=1), out=best)
    return best


def ranged(name: str, x: F32, w: F32, d: F32, dmin: F32) -> F64:
    """The same for types with a min, around super-scales d and dmin (n,)."""
    high, levels = RANGE[name]
    best = np.full(len(x), np.inf)
    mins = np.arange(levels + 1, dtype=np.float32)[:, None, None, None]
    for lows in ladder(dmin, np.linspace(0.8, 1.3, 8)):
        offset = mins * lows[:, None, None]
        for trial in ladder(d, np.linspace(0.85, 1.3, 10)):
            group = np.full(x.shape[:2], np.inf)
            for integer in range(1, levels + 1):
                scale = (trial * np.float32(integer))[:, None, None]
                codes = np.rint((x + offset) / scale).clip(0, high)
                error = (w * (x + offset - codes * scale) ** 2).sum(axis=3).min(axis=0)
                np.minimum(group, error, out=group)
            np.minimum(best, group.sum(axis=1), out=best)
    return best


def compare(
    name: str, source: str, rows: int, imatrix: Path | None, ggml: Path | None
) -> tuple[float, float, float]:
    """Relative errors over C's of effort "normal", of "best" and of the exhaustive search."""
    kind = codec.get(name)
    x = np.ascontiguousarray(bench.make_input(source)[FIRST : FIRST + rows])
    weight = bench.importance_of(imatrix, source, x.shape[1]) if imatrix else None
    importance = np.ones(x.shape[1], np.float32) if weight is None else weight
    blocks = x.reshape(-1, kind.block // GROUP, GROUP)
    weights = np.broadcast_to(importance, x.shape).reshape(blocks.shape)

    def error(data: npt.NDArray[np.uint8]) -> F64:
        gap = blocks - kind.decode_rows(data).reshape(blocks.shape)
        total: F64 = (weights * gap.astype(np.float64) ** 2).sum(axis=(1, 2))
        return total

    data = {effort: kind.encode_rows(x, weight, effort=effort) for effort in ("normal", "best")}
    fields = data["best"].reshape(-1).view(kind.layout)
    scales = [fields[field].astype(np.float32) for field in kind.scales]
    # padding is zero in every type
    some = np.abs(blocks).max(axis=(1, 2)) > 0
    search = symmetric if name in SYMMETRIC else ranged
    found = search(name, blocks[some], weights[some], *(scale[some] for scale in scales))
    found = np.minimum(found, error(data["best"])[some])
    peer = error(bench.reference(ggml)(x, kind.ggml_type, importance)).sum()
    ours = (error(data["normal"]).sum(), error(data["best"]).sum(), found.sum())
    normal, best, least = (float(np.sqrt(total / peer)) for total in ours)
    return normal, best, least


def table(imatrix: Path, ggml: Path | None, rows: int = ROWS) -> list[str]:
    """The lines of the table."""
    lines = [
        "| type | input | importance | normal | best | exhaustive |",
        "|---|---|---|---:|---:|---:|",
    ]
    for name in TYPES:
        for source in INPUTS:
            for given in (None, imatrix):
                measured = compare(name, source, rows, given, ggml)
                cells = " | ".join(f"{value:.3f}" for value in measured)
                lines.append(f"| {name} | {source} | {'yes' if given else 'no'} | {cells} |")
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--imatrix", type=Path, required=True)
    parser.add_argument("--ggml", type=Path)
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args()
    print("\n".join(table(options.imatrix, options.ggml, options.rows)))


if __name__ == "__main__":
    main()
