"""What is lost when decoded values are encoded to the same type again, beside the C reference.

    python bench/encode_again.py [--types Q3_K,...] [--rows 256]

Prints for every type the RMSE between the values decoded first and those decoded from their second
encoding, over the RMSE of the first encoding; Gaussian rows of 1024, no importance matrix.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import gguf
import libgguf
import numpy as np
import numpy.typing as npt

from quantcli import codec

F32 = npt.NDArray[np.float32]
COLUMNS = 1024


def of_library(name: str) -> Callable[[F32], F32]:
    """Return what the C reference makes of rows: encoded and decoded."""
    kind = gguf.GGMLQuantizationType[name]

    def through(x: F32) -> F32:
        data = libgguf.quantize_rows(x, kind)
        return np.asarray(libgguf.dequantize_rows(data, kind, COLUMNS), np.float32)

    return through


def of_quantcli(name: str) -> Callable[[F32], F32]:
    """Return what quantcli makes of rows: encoded and decoded."""
    kind = codec.get(name)
    return lambda x: kind.decode_rows(kind.encode_rows(x))


def loss(through: Callable[[F32], F32], x: F32) -> float:
    """Return the error of the second encoding over that of the first."""
    once = through(x)
    twice = through(once)
    first, second = (np.sqrt(np.square(a - b).mean()) for a, b in ((once, x), (twice, once)))
    return float(second / first) if first else 0.0


def main() -> None:
    """Print a line a type."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    lossy = [name for name in codec.names() if codec.get(name).block > 1]
    parser.add_argument("--types", default=",".join(lossy))
    parser.add_argument("--rows", type=int, default=256)
    options = parser.parse_args()
    x = np.random.default_rng(1).standard_normal((options.rows, COLUMNS), dtype=np.float32)
    for name in options.types.split(","):
        ours = loss(of_quantcli(name), x)
        try:
            theirs = f"{loss(of_library(name), x):8.4f}"
        except (ValueError, RuntimeError, KeyError):  # types that need an importance matrix
            theirs = "       -"
        print(f"{name:8} quantcli {ours:8.4f}   C reference {theirs}", flush=True)


if __name__ == "__main__":
    main()
