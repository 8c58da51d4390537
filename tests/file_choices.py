"""Folders in which it has to be decided which files hold the model, and what is in them.

`scripts/freeze_file_choices.py` freezes what transformers loads from each; the tests hold
`open_checkpoint` to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tiny
from safetensors.numpy import load_file, save_file

INDEX = "model.safetensors.index.json"
FIRST, SECOND = (f"model-0000{i}-of-00002.safetensors" for i in (1, 2))
EMBEDDING, NORM = "model.embed_tokens.weight", "model.norm.weight"


def digest(values: np.ndarray[Any, Any]) -> str:
    """Return what identifies the values of a tensor, whatever it was stored as."""
    return hashlib.sha256(np.ascontiguousarray(values, np.float32).tobytes()).hexdigest()[:16]


def sharded(folder: Path, seed: int = 1) -> Path:
    """Write a Llama in two shards with an index."""
    return _tied(tiny.write_tiny("llama", folder, shards=2, seed=seed))


def whole(folder: Path, seed: int = 2, file: str = "model.safetensors") -> Path:
    """Write a Llama in one file, called `file`."""
    tiny.write_tiny("llama", folder, seed=seed)
    (folder / "model.safetensors").rename(folder / file)
    return _tied(folder)


def _tied(folder: Path) -> Path:
    edit(folder / "config.json", lambda config: config.update(tie_word_embeddings=True))
    return folder


def edit(path: Path, change: Callable[[Any], object]) -> None:
    """Change a JSON file in place."""
    value = json.loads(path.read_text(encoding="utf-8"))
    change(value)
    path.write_text(json.dumps(value), encoding="utf-8")


def store(folder: Path, file: str, **changes: np.ndarray[Any, Any]) -> None:
    """Write tensors, given as keywords with __ for dots, into `file`, beside those it has."""
    path = folder / file
    tensors = load_file(path) if path.exists() else {}
    tensors |= {name.replace("__", "."): values for name, values in changes.items()}
    save_file(tensors, path, metadata={"format": "pt"})


def _named_not_stored(folder: Path) -> None:
    sharded(folder)
    edit(folder / INDEX, lambda index: index["weight_map"].update({"lm_head.weight": FIRST}))


def _stored_not_named(folder: Path) -> None:
    sharded(folder)
    edit(folder / INDEX, lambda index: index["weight_map"].pop(NORM))


def _another_shard_named(folder: Path) -> None:
    sharded(folder)
    edit(folder / INDEX, lambda index: index["weight_map"].update({EMBEDDING: SECOND}))


def _two_shards_hold_it(folder: Path) -> None:
    sharded(folder)
    store(
        folder,
        SECOND,
        model__embed_tokens__weight=np.zeros_like(load_file(folder / FIRST)[EMBEDDING]),
    )


def _shards_gone(folder: Path) -> None:
    sharded(folder)
    for file in (FIRST, SECOND):
        (folder / file).unlink()
    whole(folder)


def _whole_beside_shards(folder: Path) -> None:
    sharded(folder)
    whole(folder)


def _whole_beside_a_broken_index(folder: Path) -> None:
    whole(folder)
    (folder / INDEX).write_text("{", encoding="utf-8")


def _variant_beside(folder: Path) -> None:
    whole(folder, seed=3, file="model.fp16.safetensors")
    whole(folder)


def _consolidated_beside(folder: Path) -> None:
    whole(folder, file="consolidated.safetensors")
    sharded(folder)


def _adapter_beside(folder: Path) -> None:
    whole(folder)
    name = "base_model__model__model__layers__0__self_attn__q_proj__lora_A__weight"
    store(folder, "adapter_model.safetensors", **{name: np.ones((2, 3), np.float32)})


def _more_shards_than_named(folder: Path) -> None:
    sharded(folder)
    store(folder, "model-00003-of-00003.safetensors", model__norm__weight=np.zeros(3, np.float32))


def _in_a_subfolder(folder: Path) -> None:
    sharded(folder)
    (folder / "weights").mkdir()
    (folder / SECOND).rename(folder / "weights" / SECOND)
    moved = {SECOND: f"weights/{SECOND}"}

    def change(index: Any) -> None:
        named = index["weight_map"]
        index["weight_map"] = {name: moved.get(file, file) for name, file in named.items()}

    edit(folder / INDEX, change)


def _named_by_the_config(folder: Path) -> None:
    whole(folder, seed=3, file="other.safetensors")
    whole(folder)
    edit(folder / "config.json", lambda c: c.update(transformers_weights="other.safetensors"))


FOLDERS: dict[str, Callable[[Path], None]] = {
    "named-not-stored": _named_not_stored,
    "stored-not-named": _stored_not_named,
    "another-shard-named": _another_shard_named,
    "two-shards-hold-it": _two_shards_hold_it,
    "shards-gone": _shards_gone,
    "whole-beside-shards": _whole_beside_shards,
    "whole-beside-a-broken-index": _whole_beside_a_broken_index,
    "variant-beside": _variant_beside,
    "consolidated-beside": _consolidated_beside,
    "adapter-beside": _adapter_beside,
    "more-shards-than-named": _more_shards_than_named,
    "in-a-subfolder": _in_a_subfolder,
    "named-by-the-config": _named_by_the_config,
}
