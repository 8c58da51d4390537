"""Write docs/codecs.md: every block format beside the C reference, measured in one run on one core.

    python bench/codec_table.py --imatrix FILE [--ggml libggml-base.so] [--cpu 1] [--rows 128]
                                [--runs 5]

Errors are relative RMSE; with importance both error and fit are weighted by the importance matrix.
"C" is the weighted path of the reference, given uniform weights where there are none, except where
it says "plain". Speeds are the median of several runs that alternate between the programs. A few
minutes on an idle machine.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
from collections.abc import Callable
from functools import partial
from pathlib import Path

import codec_bench as bench
import exhaustive
import numpy as np
import numpy.typing as npt

from quantcli import codec

INPUTS = ("gauss", "t4", *bench.REAL)
OUTPUT = Path(__file__).parents[1] / "docs" / "codecs.md"
TITLES = {
    "gauss": "Gaussian",
    "t4": "Student-t (4)",
    "attn_q": "attention",
    "ffn_down": "ffn_down",
    "embd": "embedding",
}


class Measured:
    """Errors and speeds of one type on all inputs, without or with importance."""

    def __init__(self, name: str, options: argparse.Namespace, imatrix: Path | None) -> None:
        self.kind = codec.get(name)
        self.errors: dict[str, dict[str, float]] = {}
        self.rates: dict[str, float] = {}
        for source in INPUTS:
            rows = bench.make_input(source)
            x = np.ascontiguousarray(rows[: options.rows])
            weight = bench.importance_of(imatrix, source, x.shape[1]) if imatrix else None
            calls = self.encoders(x, weight, options)
            self.errors[source] = {
                who: bench.error(self.kind, call(), x, weight) for who, call in calls.items()
            }
            if source == "gauss":
                self.rates = bench.speeds(
                    self.encoders(rows, weight, options), rows.size, options.runs
                )

    def encoders(
        self, x: bench.F32, weight: bench.F32 | None, options: argparse.Namespace
    ) -> dict[str, Callable[[], npt.NDArray[np.uint8]]]:
        """All competitors on x, ours with every effort."""
        normal = argparse.Namespace(**{**vars(options), "effort": "normal"})
        calls = bench.competitors(self.kind, x, weight, normal)
        for effort in ("fast", "best"):
            calls[effort] = partial(self.kind.encode_rows, x, weight, effort=effort)
        return calls

    def ratio(self, source: str, effort: str, peer: str = "C weighted") -> str:
        """Our error over the peer's, or a dash where there is no peer or nothing to lose."""
        errors = self.errors[source]
        return f"{errors[effort] / errors[peer]:.3f}" if errors.get(peer) else "-"


def rows_of(measured: list[Measured]) -> list[str]:
    """The lines of one table."""
    head = ["type", "RMSE Gaussian"]
    head += [f"{TITLES[s]}: normal / best" for s in INPUTS]
    head += ["M weights/s normal", "C weighted", "ratio", "fast", "best"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for item in measured:
        ours, c = item.rates["quantcli"], item.rates.get("C weighted")
        cells = [item.kind.name, f"{item.errors['gauss']['quantcli']:.5f}"]
        cells += [f"{item.ratio(s, 'quantcli')} / {item.ratio(s, 'best')}" for s in INPUTS]
        cells += [f"{ours:.1f}", f"{c:.1f}" if c else "-", f"{ours / c:.2f}" if c else "-"]
        for effort in ("fast", "best"):  # absent efforts are the same encoder
            own = effort in item.kind.searches
            cells.append(f"{item.rates[effort] / ours:.2f}×" if own else "same")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def plain_rows(measured: list[Measured]) -> list[str]:
    """The table beside the reference's path without importance, which llama-quantize takes."""
    head = ["type", *(f"{TITLES[s]}: fast / normal" for s in INPUTS)]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for item in measured:
        if "C plain" in item.errors["gauss"]:
            cells = [
                f"{item.ratio(s, 'fast', 'C plain')} / {item.ratio(s, 'quantcli', 'C plain')}"
                for s in INPUTS
            ]
            lines.append("| " + " | ".join([item.kind.name, *cells]) + " |")
    return lines


def package_rows(measured: list[Measured]) -> list[str]:
    """The table beside the encoders of the `gguf` package."""
    head = ["type", *(TITLES[s] for s in INPUTS), "M weights/s fast", "gguf", "ratio"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for item in measured:
        if theirs := item.rates.get("gguf"):
            ours = item.rates["fast"]
            cells = [item.kind.name, *(item.ratio(s, "fast", "gguf") for s in INPUTS)]
            cells += [f"{ours:.0f}", f"{theirs:.0f}", f"{ours / theirs:.2f}"]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def decoding_rows(options: argparse.Namespace) -> list[str]:
    """The table of decoding speeds beside the `gguf` package."""
    lines = ["| type | quantcli | gguf | ratio |", "|---|---:|---:|---:|"]
    x = bench.make_input("gauss")
    for name in codec.names():
        kind = codec.get(name)
        data = kind.encode_rows(x, effort="fast")
        rates = bench.speeds(bench.decoders(kind, data), x.size, options.runs)
        ours, theirs = rates["quantcli"], rates.get("gguf")
        peer = f"{theirs:.0f} | {ours / theirs:.2f}" if theirs else "- | -"
        lines.append(f"| {name} | {ours:.0f} | {peer} |")
    return lines


ABOUT = """\
Written by `bench/codec_table.py` on {day}, {machine}, one core, numpy {numpy}. Errors are
quantcli's relative RMSE over that of the C reference's weighted path (below 1 is better), on {rows}
rows; real matrices are SmolLM2's. Speeds are million weights a second on 512 Gaussian rows of 1536;
`fast` and `best` are speeds over `normal`'s, "same" where an effort is no encoder of its own. What
every type does with zeros, outliers, denormals and the like is in
[special-inputs.md](special-inputs.md)."""
LEFT = """\
Errors over C's weighted path on a few rows of real matrices, and what an exhaustive search finds
there (`bench/exhaustive.py`): all integer scales and mins on a ladder of super-scales. No encoder
that rounds to nearest can do much better."""


def page(options: argparse.Namespace) -> list[str]:
    """Measure everything; return the lines of the page."""
    lossy = [name for name in codec.names() if codec.get(name).block > 1]
    plain = [Measured(name, options, None) for name in lossy]
    weighted = [Measured(name, options, options.imatrix) for name in lossy]
    day = f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}"
    return [
        "# Block formats, measured",
        "",
        ABOUT.format(day=day, machine=platform.machine(), numpy=np.__version__, rows=options.rows),
        "",
        "## Without importance (C with uniform weights)",
        "",
        *rows_of(plain),
        "",
        "## With an importance matrix (weighted errors)",
        "",
        *rows_of(weighted),
        "",
        "## Beside the reference's path without importance",
        "",
        "What llama-quantize does when no importance matrix is given.",
        "",
        *plain_rows(plain),
        "",
        "## Beside the encoders of the `gguf` package",
        "",
        "Effort `fast`, which like them does little more than round; errors over theirs.",
        "",
        *package_rows(plain),
        "",
        "## How much is left",
        "",
        LEFT,
        "",
        *exhaustive.table(options.imatrix, options.ggml),
        "",
        "## Decoding, million weights a second",
        "",
        *decoding_rows(options),
        "",
    ]


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--imatrix", type=Path, required=True)
    parser.add_argument("--ggml", type=Path)
    parser.add_argument("--cpu", type=int, default=-1)
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    if options.cpu >= 0:
        os.sched_setaffinity(0, {options.cpu})
    OUTPUT.write_text("\n".join(page(options)), encoding="utf-8")


if __name__ == "__main__":
    main()
