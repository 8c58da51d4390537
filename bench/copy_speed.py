"""A checkpoint that is only copied, BF16 to BF16, beside `cp` and `sync` of its weights.

    python bench/copy_speed.py [MODEL] [--type BF16] [--jobs 2] [--rounds 7] [--pause 3]
                               [--folder DIR]

Without MODEL a checkpoint of 2.1 GB is written first. Each round copies the weights with `cp` and
flushes the copy (`sync FILE`), and converts. Before each the last output is removed and `--pause`
seconds pass, in which a virtual machine may hand the memory back: otherwise whoever needs it first
has an advantage. The weights are read once before, so that they are in memory.
Printed are medians, the median of the ratios of each round, and how long the plan alone takes
(start, imports, headers, vocabulary). Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from support import Cost, Llama, convert, digest, quantcli, timed, write_checkpoint

MODEL = Llama(layers=16, width=2048, hidden=8192, vocabulary=49152, heads=32, heads_kv=8)


def copied(weights: list[Path], output: Path) -> Cost:
    """Return what copying the files and flushing the copies takes."""
    script = 'out=$1; shift; for f; do cp "$f" "$out" && sync "$out" || exit 1; done'
    return timed(["sh", "-c", script, "sh", str(output), *map(str, weights)])


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--type", default="BF16")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--pause", type=float, default=3.0, help="seconds")
    parser.add_argument("--folder", type=Path, help="where files go; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        model = options.model or write_checkpoint(folder / "model", MODEL)
        weights = sorted(model.glob("*.safetensors"))
        size = sum(path.stat().st_size for path in weights)
        output = folder / "out.gguf"
        for path in weights:
            digest(path)
        rounds: list[tuple[Cost, Cost, Cost]] = []
        for _ in range(options.rounds + 1):
            time.sleep(options.pause)
            cp = copied(weights, output)
            output.unlink()
            plan = timed(quantcli("plan", model, "-t", options.type))
            time.sleep(options.pause)
            ours = timed(convert(model, options.type, output, "--jobs", options.jobs))
            output.unlink()
            rounds.append((cp, ours, plan))
    names = ("cp and sync", "quantcli convert", "of which the plan")
    print(f"{size / 1e9:.2f} GB to {options.type}, --jobs {options.jobs}, {options.rounds} rounds")
    for title, costs in zip(names, zip(*rounds[1:], strict=True), strict=True):
        walls, cpus = [cost.wall for cost in costs], [cost.cpu for cost in costs]
        print(
            f"{title:18} {statistics.median(walls):6.2f} s (from {min(walls):.2f} to "
            f"{max(walls):.2f}), {statistics.median(cpus):5.2f} s of all cores"
        )
    ratio = statistics.median(ours.wall / cp.wall for cp, ours, _ in rounds[1:])
    print(f"median of the ratios of each round: {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
