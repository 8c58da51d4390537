"""What a GGUF file says, as small JSON: every key, and type, shape and SHA-256 of every tensor.

Reads with the `gguf` library, so that files from anywhere are seen by the same eyes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import gguf

# Arrays longer than this are given by their length and digest.
_LONG = 24


def digest(path: Path) -> dict[str, Any]:
    """Return {"keys": {key: [type, value]}, "tensors": {name: [type, shape, sha256]}}.

    Shapes have the outermost dimension first. Tensors stand in file order.
    """
    reader = gguf.GGUFReader(path)
    keys = {
        name: [":".join(kind.name.lower() for kind in field.types), _value(field.contents())]
        for name, field in reader.fields.items()
        if not name.startswith("GGUF.")
    }
    tensors = {
        tensor.name: [
            tensor.tensor_type.name,
            [int(n) for n in reversed(tensor.shape)],
            hashlib.sha256(tensor.data.tobytes()).hexdigest(),
        ]
        for tensor in reader.tensors
    }
    return {"keys": keys, "tensors": tensors}


def _value(value: Any) -> Any:
    """Return a JSON value; strings and arrays that are long become a digest."""
    if isinstance(value, list) and len(value) > _LONG:
        return {"length": len(value), "sha256": _sha256(value)}
    if isinstance(value, str) and len(value) > 400:
        return {"characters": len(value), "sha256": _sha256(value)}
    return value


def _sha256(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
