"""How far llama.cpp's predictions from quantized files are from those of an exact one.

    python bench/peer_divergence.py EXACT.gguf TEXT FILE.gguf ... [--windows 8] [--window 512]

Prints one JSON object a FILE, in order: the Kullback-Leibler divergence of its next-token
distribution from EXACT's in nats (the mean of each window, and of all), and the share of positions
at which both give the same token the highest probability. Windows begin with an empty context and
are spread evenly over TEXT; every position of each is scored.

Needs llama-cpp-python and numpy, and nothing of quantcli, so it can run in an environment of its
own.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]


def log_softmax(logits: F32) -> F32:
    """Return the logarithms of the probabilities, over the last axis."""
    values = logits - logits.max(axis=-1, keepdims=True)
    values -= np.log(np.exp(values).sum(axis=-1, keepdims=True, dtype=np.float64))
    return values


def load(path: str, window: int, threads: int) -> Any:
    """Return llama.cpp's model, its context one window long."""
    import llama_cpp

    return llama_cpp.Llama(
        path,
        n_ctx=window,
        n_batch=window,
        n_threads=threads,
        n_threads_batch=threads,
        logits_all=True,
        verbose=False,
    )


def scored(model: Any, windows: npt.NDArray[np.int64]) -> Iterator[F32]:
    """Yield the logits of each window, (positions, vocabulary)."""
    for tokens in windows:
        model.reset()
        model.eval(tokens.tolist())
        yield np.asarray(model.scores[: windows.shape[1]], np.float32)


def compare(exact: F32, found: F32) -> tuple[float, float]:
    """Return the mean divergence of `found` from `exact`, and the share of equal first choices.

    Both are logarithms of probabilities, (positions, vocabulary).
    """
    divergence = (np.exp(exact) * (exact - found)).sum(axis=-1, dtype=np.float64)
    same = exact.argmax(axis=-1) == found.argmax(axis=-1)
    return float(divergence.mean()), float(same.mean())


def measure(path: str, windows: npt.NDArray[np.int64], exact: F32, threads: int) -> dict[str, Any]:
    """Return the record of one file."""
    model = load(path, windows.shape[1], threads)
    pairs = zip(exact, scored(model, windows), strict=True)
    each = [compare(wanted, log_softmax(found)) for wanted, found in pairs]
    model.close()
    divergences, same = zip(*each, strict=True)
    return {
        "divergence": float(np.mean(divergences)),
        "same_first": float(np.mean(same)),
        "by_window": [round(value, 7) for value in divergences],
    }


def main() -> int:
    """Evaluate the exact file once, then each file beside it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exact")
    parser.add_argument("text", type=Path)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--windows", type=int, default=8)
    parser.add_argument("--window", type=int, default=512, help="tokens")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    model = load(options.exact, options.window, options.threads)
    tokens = model.tokenize(options.text.read_bytes(), add_bos=False)
    wanted = options.windows * options.window
    if len(tokens) < wanted:
        parser.error(f"{options.text} has {len(tokens)} tokens, {wanted} are needed")
    starts = np.linspace(0, len(tokens) - options.window, options.windows).astype(int)
    windows = np.array([tokens[start : start + options.window] for start in starts])
    shape = (options.windows, options.window, model.n_vocab())
    with tempfile.TemporaryFile() as file:
        exact = np.memmap(file, np.float32, "w+", shape=shape)
        for index, logits in enumerate(scored(model, windows)):
            exact[index] = log_softmax(logits)
        model.close()
        for path in options.files:
            print(json.dumps(measure(path, windows, exact, options.threads)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
