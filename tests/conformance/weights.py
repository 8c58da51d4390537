"""Values of a checkpoint's tensors, a function of the tensor's name alone.

Raw words of PCG64, whose stream numpy promises to keep, become numbers by exact float arithmetic,
so the same checkpoint is made on every machine, by every version of numpy, and without torch.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from tiny import DTYPES

from conformance.case import Range, Shapes

_NORM = re.compile(r"norm|layernorm|layer_norm|(^|[._])ln_?\w*\.|\.scale$|gamma", re.IGNORECASE)
# Names that say what range a value must have; the first found decides.
_RANGES: tuple[tuple[str, Range], ...] = (
    (r"A_log$", (0.0, 2.0)),
    (r"dt_bias$|dt_proj\.bias$", (-3.0, 1.0)),
    (r"e_score_correction_bias|expert_bias", (-0.2, 0.2)),
)
# Wider than what keeps the size of a vector, so that attention and gates depend on their inputs.
_GAIN = 1.5


def interval(name: str, shape: tuple[int, ...], overrides: Mapping[str, Range]) -> Range:
    """Return (low, high) of the values of the tensor `name`."""
    for pattern, found in (*overrides.items(), *_RANGES):
        if re.search(pattern, name):
            return found
    if name.endswith(("bias", ".beta")) or "_bias" in name.rpartition(".")[2]:
        return -0.5, 0.5
    if len(shape) < 2:
        return 0.5, 1.5
    if _NORM.search(name):
        return 0.5, 1.5
    if re.search(r"embed|wte|wpe|word_emb", name):
        return -1.0, 1.0
    half = _GAIN * math.sqrt(3.0 / shape[-1])
    return -half, half


def uniform(name: str, shape: tuple[int, ...], low: float, high: float) -> np.ndarray[Any, Any]:
    """Return float32 values between `low` and `high`, drawn from the words that `name` seeds."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
    count = math.prod(shape)
    words = np.random.PCG64(seed).random_raw(count) if count else np.zeros(0, np.uint64)
    unit = (words >> np.uint64(40)).astype(np.float64) * 2.0**-24
    return (low + (high - low) * unit).astype(np.float32).reshape(shape)


def tensors(
    shapes: Shapes, overrides: Mapping[str, Range], dtypes: Mapping[str, str]
) -> dict[str, np.ndarray[Any, Any]]:
    """Return values of all tensors, in the order given.

    Args:
        shapes: by name.
        overrides: as in Case.weights.
        dtypes: safetensors' name of each tensor's dtype; whole numbers count up from zero.
    """
    made = {}
    for name, shape in shapes.items():
        dtype = dtypes[name]
        if dtype not in DTYPES:
            kinds = {"I64": np.int64, "I32": np.int32, "U8": np.uint8, "BOOL": np.bool_}
            made[name] = np.arange(math.prod(shape)).reshape(shape).astype(kinds[dtype])
            continue
        low, high = interval(name, shape, overrides)
        made[name] = uniform(name, shape, low, high).astype(DTYPES[dtype])
    return made


def token_ids(count: int, low: int, high: int) -> list[int]:
    """Return `count` token ids from `low` up to `high`, both included."""
    words = np.random.PCG64(9).random_raw(count)
    return [low + int(word) % (high - low + 1) for word in words]
