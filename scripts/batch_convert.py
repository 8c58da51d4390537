#!/usr/bin/env python3
"""Convert every checkpoint in a folder to several types, and go on after a failure.

    batch_convert.py models/ -t Q4_K_M -t Q8_0 --out quantized/ -- --jobs 4

A checkpoint is a folder with a config.json. Outputs are named MODEL.TYPE.gguf; those that are up
to date are left alone, and an interrupted run goes on where it stopped. Options after `--` go to
`quantcli convert`.

Exit codes: 0 everything is there and up to date, 1 a conversion failed, 2 wrong usage or nothing
to convert, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

INTERRUPTED = 130


def find_quantcli() -> str:
    """Return the command beside this interpreter, else the one on the path."""
    beside = Path(sys.executable).with_name("quantcli")
    found = str(beside) if beside.is_file() else shutil.which("quantcli")
    if not found:
        sys.exit("quantcli is not installed: pip install quantcli-gguf")
    return found


def models_in(folder: Path) -> list[Path]:
    """Return the checkpoints directly in `folder`, by name."""
    return sorted(path.parent for path in folder.glob("*/config.json"))


def convert(quantcli: str, model: Path, preset: str, output: Path, extra: list[str]) -> int:
    """Convert one model to one type, say how it went and return quantcli's exit code.

    The error text of quantcli goes to stderr as it comes.
    """
    command = [quantcli, "convert", str(model), "-t", preset, "-o", str(output)]
    command += ["--skip-existing", "--quiet", "--json", *extra]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    except KeyboardInterrupt:
        return INTERRUPTED
    if done.returncode:
        print(f"failed      {output} (exit {done.returncode})", flush=True)
        return done.returncode
    result = json.loads(done.stdout)
    state = "up to date" if result["skipped"] else "converted "
    bits = result["bits_per_weight"]
    print(f"{state}  {output} ({result['size']:,} bytes, {bits:.2f} bits per weight)", flush=True)
    return 0


def main() -> int:
    """Parse the command line, convert all and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", type=Path, help="folder that holds checkpoint folders")
    parser.add_argument("-t", "--type", action="append", required=True, dest="types")
    parser.add_argument("--out", type=Path, default=Path(), help="default: the current folder")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args, extra = parser.parse_args(sys.argv[1:split]), sys.argv[split + 1 :]
    models = models_in(args.models)
    if not models:
        parser.error(f"{args.models}: no folder with a config.json in it")
    quantcli = find_quantcli()
    args.out.mkdir(parents=True, exist_ok=True)
    failed = []
    for model in models:
        for preset in args.types:
            output = args.out / f"{model.name}.{preset}.gguf"
            code = convert(quantcli, model, preset, output, extra)
            if code == INTERRUPTED:
                print("interrupted; the same command goes on", file=sys.stderr)
                return INTERRUPTED
            if code:
                failed.append(output)
    total = len(models) * len(args.types)
    print(f"{total - len(failed)} of {total} up to date, {len(failed)} failed")
    for output in failed:
        print(f"  {output}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
