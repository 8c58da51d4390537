"""The digest that says which checkpoint a file was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

_LENGTH_BYTES = 8


def source_digest(root: Path, files: Iterable[str]) -> str:
    """Return a SHA-256 (64 hexadecimal digits) over the descriptions of a checkpoint.

    Covered are the names of `files`, the whole content of the small ones (configuration, tokenizer,
    index) and the headers of the safetensors files, that is every tensor's name, dtype, shape and
    place. Weights are not: a plan reads no tensor data. Depends on nothing but these bytes.

    Args:
        root: the checkpoint's folder.
        files: paths relative to it.

    Raises:
        OSError: a file cannot be read.
    """
    total = hashlib.sha256()
    for name in sorted(set(files)):
        path = root / name
        content = _header(path) if path.suffix == ".safetensors" else path.read_bytes()
        total.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return total.hexdigest()


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        length = file.read(_LENGTH_BYTES)
        return length + file.read(int.from_bytes(length, "little"))
