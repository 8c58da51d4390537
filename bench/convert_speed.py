"""Time from safetensors to a quantized file, beside llama.cpp's converter and quantizer.

    python bench/convert_speed.py MODEL --converter-python PYTHON --peer-python PYTHON
                                  [--type Q4_K_M] [--jobs 2] [--runs 5] [--outtype bf16]
                                  [--chunk-weights N]

Ours is `quantcli convert --jobs N`; the peer's is convert-hf-to-gguf to --outtype followed by
llama_model_quantize with N threads. Whole processes, imports included, in turn, medians; one run of
each beforehand warms the file cache. Exit status 1 when ours takes more than --goal of the peer's
time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from support import Cost, convert, converter, llama_quantize, timed

from quantcli import recipe


def median(costs: Sequence[Cost]) -> Cost:
    """Return the medians of wall and processor seconds."""
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
    )


def show(name: str, costs: Sequence[Cost]) -> None:
    """Print the median and the single runs."""
    middle = median(costs)
    runs = " ".join(f"{cost.wall:.2f}" for cost in costs)
    print(f"{name:22} {middle.wall:7.2f} s wall {middle.cpu:7.2f} s cpu   runs: {runs}")


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--converter-python", required=True, help="has convert-hf-to-gguf")
    parser.add_argument("--peer-python", required=True, help="has llama-cpp-python")
    parser.add_argument("--type", default="Q4_K_M")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--chunk-weights", type=int, default=1 << 20)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--outtype", default="bf16", help="of the peer's intermediate file")
    parser.add_argument("--goal", type=float, default=0.5)
    parser.add_argument("--folder", type=Path, help="where outputs go; default: a temporary one")
    return parser.parse_args()


def main() -> int:
    """Time both ways alternately."""
    options = arguments()
    kind = recipe.resolve(options.type).file_type
    ours: list[Cost] = []
    first: list[Cost] = []
    second: list[Cost] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        middle, theirs = folder / "middle.gguf", folder / "theirs.gguf"
        chunks = ("--chunk-weights", options.chunk_weights)
        one = convert(
            options.model,
            options.type,
            folder / "ours.gguf",
            "--jobs",
            options.jobs,
            "--force",
            *chunks,
        )
        two = converter(options.converter_python, options.model, options.outtype, middle)
        three = llama_quantize(options.peer_python, middle, theirs, kind, options.jobs)
        for number in range(options.runs + 1):
            costs = [timed(command) for command in (one, two, three)]
            if number:  # the first only warms up
                for store, cost in zip((ours, first, second), costs, strict=True):
                    store.append(cost)
    both = [a + b for a, b in zip(first, second, strict=True)]
    show("quantcli convert", ours)
    show("converter", first)
    show("llama_model_quantize", second)
    show("converter + quantize", both)
    ratio = median(ours).wall / median(both).wall
    used = median(ours).cpu / median(both).cpu
    print(f"ratio {ratio:.3f} wall, {used:.3f} cpu (goal {options.goal:g})")
    return 0 if ratio <= options.goal else 1


if __name__ == "__main__":
    sys.exit(main())
