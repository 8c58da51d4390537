"""Run llama.cpp's llama_model_quantize as a process of its own: the peer of the other benchmarks.

    python bench/peer_quantize.py IN.gguf OUT.gguf FILE_TYPE [--threads N]

FILE_TYPE is the number in general.file_type (15 is Q4_K_M). Needs llama-cpp-python, and nothing of
quantcli, so it can run in an environment of its own. Exit status 1 when llama.cpp refuses.
"""

from __future__ import annotations

import argparse
import ctypes
import sys


def quantize(source: str, target: str, file_type: int, threads: int) -> bool:
    """Return whether llama.cpp wrote `target`, `source` quantized without importance matrix."""
    import llama_cpp.llama_cpp as llama

    @llama.llama_log_callback
    def silent(_level: int, _text: bytes, _data: ctypes.c_void_p) -> None:
        pass

    llama.llama_log_set(silent, ctypes.c_void_p(0))
    llama.llama_backend_init()
    params = llama.llama_model_quantize_default_params()
    params.ftype = file_type
    params.nthread = threads
    done = llama.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(params))
    return int(done) == 0


def main() -> int:
    """Parse the arguments and quantize."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("file_type", type=int)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    done = quantize(options.source, options.target, options.file_type, options.threads)
    if not done:
        print(f"llama_model_quantize failed for {options.source}", file=sys.stderr)
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
