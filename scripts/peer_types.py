"""Quantize one GGUF file to many file types with llama_model_quantize, with importance or without.

    python scripts/peer_types.py IN.gguf FOLDER 15 15i 24 24i ...

Needs llama-cpp-python and nothing of quantcli; scripts/freeze_llama_quantize.py runs it. Writes
FOLDER/NUMBER.gguf, and FOLDER/NUMBERi.gguf with an importance matrix that says 1 for every column
of every tensor. A file that llama.cpp refuses to make is not there afterwards.
"""

from __future__ import annotations

import ctypes
import importlib
import sys
from pathlib import Path
from typing import Any


def importance(llama: Any, columns: dict[str, int]) -> Any:
    """Return an array of llama_model_imatrix_data with ones, ended by an empty name."""
    entries = (llama.llama_model_imatrix_data * (len(columns) + 1))()
    ones = (ctypes.c_float * max(columns.values()))(*([1.0] * max(columns.values())))
    for entry, (name, count) in zip(entries, columns.items(), strict=False):
        entry.name, entry.size = name.encode(), count
        entry.data = ctypes.cast(ones, ctypes.POINTER(ctypes.c_float))
    return entries


def main() -> None:
    """Quantize to each file type that is asked for."""
    llama: Any = importlib.import_module("llama_cpp.llama_cpp")
    source, folder, *wanted = sys.argv[1:]

    silent = llama.llama_log_callback(lambda _level, _text, _data: None)
    llama.llama_log_set(silent, ctypes.c_void_p(0))
    llama.llama_backend_init()
    lines = Path(source).with_suffix(".columns").read_text(encoding="utf-8").splitlines()
    columns = {name: int(count) for name, count in (line.split(" ") for line in lines)}
    entries = importance(llama, columns)
    for each in wanted:
        target = Path(folder) / f"{each}.gguf"
        params = llama.llama_model_quantize_default_params()
        params.ftype, params.nthread = int(each.removesuffix("i")), 1
        if each.endswith("i"):
            params.imatrix = ctypes.cast(entries, ctypes.POINTER(llama.llama_model_imatrix_data))
        done = llama.llama_model_quantize(
            source.encode(), str(target).encode(), ctypes.byref(params)
        )
        if done:
            target.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
