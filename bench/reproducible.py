"""Whether the output is the same bytes for every worker count, chunk size and vector width.

    python bench/reproducible.py [MODEL] [--types Q4_K_M,Q6_K,...] [--folder DIR]

MODEL is a Hugging Face folder; without it a small synthetic checkpoint is converted. Every preset
is converted with --jobs 1, 2 and 5, with three chunk sizes, and with numpy's dispatch levels
switched off one after the other from the widest, as long as the processor has them; a child first
proves that the level really is off. Exit status 1 when two digests differ.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from support import SMALL, convert, digest, write_checkpoint

from quantcli import recipe

CHUNKS = (1 << 14, 100_003, 1 << 22)
VARIABLE = "NPY_DISABLE_CPU_FEATURES"
PROBE = (
    "import json; from numpy._core._multiarray_umath import __cpu_features__ as f;"
    "print(json.dumps([name for name in f if f[name]]))"
)


def levels_to_disable() -> list[str]:
    """Return values of the variable: the widest level, the widest two, … all of this processor.

    Raises:
        SystemExit: a level stays on although it was disabled.
    """
    here = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    settings = [" ".join(here[start:]) for start in range(len(here) - 1, -1, -1)]
    for setting in settings:
        probe = subprocess.run(
            [sys.executable, "-c", PROBE],
            env={**os.environ, VARIABLE: setting},
            capture_output=True,
            check=True,
        )
        still_on = set(setting.split()) & set(json.loads(probe.stdout))
        if still_on:
            raise SystemExit(f"{VARIABLE} had no effect on {', '.join(sorted(still_on))}")
    return settings


def variants() -> dict[str, tuple[list[object], dict[str, str]]]:
    """Return options and environment additions by the name of a variant."""
    found: dict[str, tuple[list[object], dict[str, str]]] = {
        f"--jobs {jobs}": (["--jobs", jobs], {}) for jobs in (1, 2, 5)
    }
    for size in CHUNKS:
        found[f"chunks of {size} weights"] = (["--jobs", 2, "--chunk-weights", size], {})
    for setting in levels_to_disable():
        found[f"without {setting}"] = (["--jobs", 2], {VARIABLE: setting})
    return found


def compare(model: Path, preset: str, folder: Path) -> bool:
    """Convert in every variant, print what differs, and return whether nothing did."""
    output = folder / "out.gguf"
    digests = {}
    for name, (options, extra) in variants().items():
        command = convert(model, preset, output, "--force", *options)
        subprocess.run(command, env={**os.environ, **extra}, check=True)
        digests[name] = digest(output)
    reference = next(iter(digests.values()))
    different = [name for name, found in digests.items() if found != reference]
    state = f"DIFFERENT with {'; '.join(different)}" if different else "the same"
    print(f"{preset:8} {len(digests)} variants {state}: {reference}", flush=True)
    return not different


def main() -> int:
    """Compare all presets asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--types", default=",".join(recipe.names()), help="default: all presets")
    parser.add_argument("--folder", type=Path, help="where outputs go; default: a temporary one")
    options = parser.parse_args()
    print("variants:", *variants(), sep="\n  ")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        model = options.model or write_checkpoint(folder / "small", SMALL)
        same = [compare(model, preset, folder) for preset in options.types.split(",")]
    return 0 if all(same) else 1


if __name__ == "__main__":
    sys.exit(main())
