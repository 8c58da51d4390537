"""What else people give in a checkpoint's place, recognised and answered in one sentence.

Two tables: files by their first bytes and names, folders by the names within. Nothing is unpickled
and no code of a model is run; the answers say how its own library writes what quantcli reads.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from quantcli.checkpoint.json_file import read_object
from quantcli.checkpoint.pointers import refuse_pointers
from quantcli.checkpoint.selection import SUFFIX, shard
from quantcli.errors import (
    CheckpointError,
    ConfigError,
    ContainerError,
    InputError,
    enumerated,
    listed,
)
from quantcli.inputs import open_input

_GIVE = "Give the folder of a Hugging Face model, or a .safetensors file in it."
_ORIGINAL = "Convert the Hugging Face checkpoint that it was exported from."
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
# Files by these names beside weights hold no weights: training state and settings.
_NO_WEIGHTS = (
    "training_args.bin",
    "optimizer.*",
    "scheduler.*",
    "rng_state*",
    "scaler.*",
    "global_step*",
)


@dataclass(frozen=True, slots=True)
class Foreign:
    """A kind of folder that is no safetensors checkpoint of a language model.

    Attributes:
        patterns: any entry of the folder that matches one (fnmatch) is evidence.
        message: what it is; the evidence is named after it.
        hint: what to do; a function gets the folder and the evidence.
    """

    patterns: tuple[str, ...]
    message: str
    hint: str | Callable[[Path, list[str]], str]


def _merge_first(root: Path, _: list[str]) -> str:
    folder, merged = repr(str(root)), repr(f"{root.name}-merged")
    return (
        "Merge it first, save the tokenizer beside it, then convert the merged folder:\n"
        "  from peft import AutoPeftModelForCausalLM\n"
        f"  AutoPeftModelForCausalLM.from_pretrained({folder}).merge_and_unload()"
        f".save_pretrained({merged})"
    )


def _save_as_safetensors(root: Path, _: list[str]) -> str:
    model = _class_name(root)
    folder, saved = repr(str(root)), repr(f"{root.name}-safetensors")
    return (
        "Let transformers save it as safetensors, copy the tokenizer's files, then convert that:\n"
        f"  from transformers import {model}\n"
        f'  {model}.from_pretrained({folder}, dtype="auto").save_pretrained({saved})'
    )


def _class_name(root: Path) -> str:
    """Return the class that config.json names, or the one that fits most models."""
    classes = _object(root / "config.json").get("architectures")
    name = classes[0] if isinstance(classes, list) and classes else None
    return name if isinstance(name, str) and name.isidentifier() else "AutoModelForCausalLM"


def _give_the_file(root: Path, found: list[str]) -> str:
    return f"Look into one with: quantcli inspect {shlex.quote(str(root / found[0]))}"


def _give_the_folder(root: Path, found: list[str]) -> str:
    folders = [(root / name).parent for name in found]
    return f"Give that folder: {shlex.quote(str(_current(root, folders)))}"


def _current(root: Path, folders: list[Path]) -> Path:
    """Return the snapshot that the Hub's cache calls main, if it is among `folders`."""
    try:
        main = (root / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return folders[0]
    return next((folder for folder in folders if folder.name == main), folders[0])


# What a folder is although it may hold safetensors files and a config.json, too.
NEVER = (
    Foreign(
        ("model_index.json",),
        "a diffusers pipeline, not a language model",
        "quantcli converts language and embedding models only; for a pipeline's text encoder, give "
        "that subfolder.",
    ),
)
# What a folder without a model's safetensors files is; the first that matches.
WITHOUT_WEIGHTS = (
    Foreign(
        ("adapter_config.json", "adapter_model*", "*adapters.safetensors"),
        "a LoRA adapter, not a whole model",
        _merge_first,
    ),
    Foreign(
        ("consolidated*.safetensors", "params.json"),
        "a checkpoint in the format of its makers, not in that of transformers",
        "Download the files of the Hugging Face format (config.json, model*.safetensors), or "
        "convert it with the script for this model in transformers.",
    ),
    Foreign(
        _PICKLES,
        "pickled weights only, and a pickle can run code, so quantcli opens none",
        _save_as_safetensors,
    ),
    Foreign(
        ("*.gguf",),
        "GGUF files only, which are converted already",
        _give_the_file,
    ),
    Foreign(("*.onnx", "onnx/*.onnx"), "an ONNX model", _ORIGINAL),
    Foreign(
        ("tf_model.h5", "*.h5", "*.keras", "saved_model.pb", "*.ckpt.index", "model.ckpt*"),
        "a TensorFlow model",
        _ORIGINAL,
    ),
    Foreign(("flax_model*", "*.msgpack"), "a Flax model", _ORIGINAL),
    Foreign(("weights*.npz", "*.npz"), "an MLX or NumPy model", _ORIGINAL),
    Foreign(
        (".cache/huggingface/download/*.incomplete", "*.incomplete"),
        "a download that has not finished",
        "Run the same `hf download` command again; it goes on where it stopped.",
    ),
    Foreign(
        ("snapshots/*/config.json", "*/config.json"),
        "a model in a subfolder",
        _give_the_folder,
    ),
    Foreign(
        ("config.json",),
        "no weights: there is no model*.safetensors beside config.json",
        "Download the model's weights into this folder, too.",
    ),
    Foreign(
        ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.*"),
        "a tokenizer only, without config.json and weights",
        "Download the whole model into this folder.",
    ),
)


def refuse_foreign_folder(root: Path) -> None:
    """Raise the error for a folder that is recognisably something else, whatever lies in it."""
    _refuse(root, NEVER)


def without_weights(root: Path) -> CheckpointError:
    """Return the error for a folder without a model's safetensors files: what it is instead."""
    if gone := [path.name for path in sorted(root.glob(f"*{SUFFIX}")) if not path.exists()]:
        return CheckpointError(
            listed("links to files that are not there:", gone),
            where=str(root),
            hint="Download the model again: what the links lead to was removed.",
        )
    try:
        _refuse(root, WITHOUT_WEIGHTS)
    except CheckpointError as error:
        return error
    if not any(root.iterdir()):
        return CheckpointError("the folder is empty", where=str(root), hint=_GIVE)
    return CheckpointError("has no model*.safetensors", where=str(root), hint=_GIVE)


def without_config(root: Path) -> InputError:
    """Return the error for a folder that has safetensors files but no config.json."""
    if adapters := _found(root, WITHOUT_WEIGHTS[0].patterns):
        return _error(root, WITHOUT_WEIGHTS[0], adapters)
    if others := _found(root, WITHOUT_WEIGHTS[1].patterns):
        return _error(root, WITHOUT_WEIGHTS[1], others)
    return ConfigError(
        "no such file, so nothing says what these weights are",
        where=str(root / "config.json"),
        hint="Download config.json and the tokenizer's files from the model's page into the "
        "folder.",
    )


def _refuse(root: Path, kinds: tuple[Foreign, ...]) -> None:
    for kind in kinds:
        if found := _found(root, kind.patterns):
            raise _error(root, kind, found)


def _found(root: Path, patterns: tuple[str, ...]) -> list[str]:
    """Return the folder's entries that match one of `patterns`, relative to it, sorted."""
    entries = {path for pattern in patterns for path in root.glob(pattern)}
    names = sorted(str(path.relative_to(root)) for path in entries)
    return [name for name in names if not any(fnmatchcase(name, p) for p in _NO_WEIGHTS)]


def _error(root: Path, kind: Foreign, found: list[str]) -> CheckpointError:
    refuse_pointers(root, found)
    base = _object(root / "adapter_config.json").get("base_model_name_or_path")
    of = f" of {base}" if isinstance(base, str) and base and "LoRA" in kind.message else ""
    hint = kind.hint if isinstance(kind.hint, str) else kind.hint(root, found)
    return CheckpointError(
        f"{kind.message}{of} ({enumerated(found, shown=3)})", where=str(root), hint=hint
    )


def _object(path: Path) -> dict[str, Any]:
    """Return the JSON object at `path`; empty when there is none, since it only words an error."""
    try:
        return read_object(path.parent, path.name)
    except ConfigError:
        return {}


def refuse_foreign_file(path: Path) -> None:
    """Raise the error for the file `path` unless it may be a whole .safetensors model.

    Raises:
        CheckpointError: a Git LFS pointer, a GGUF file, a pickle, one shard of several, an index,
            or anything else without the ending .safetensors.
    """
    refuse_pointers(path.parent, [path.name])
    if message := _gguf(path):
        raise CheckpointError(
            message,
            where=str(path),
            hint="`quantcli inspect` and `quantcli verify` work on it; quantizing a GGUF file "
            "again is not supported yet: convert the checkpoint it was made from.",
        )
    if path.suffix == SUFFIX:
        _refuse_lone_shard(path)
        return
    if any(fnmatchcase(path.name, pattern) for pattern in _PICKLES):
        raise CheckpointError(
            "a pickle, which can run code, so quantcli opens none",
            where=str(path),
            hint=_save_as_safetensors(path.parent, [path.name]),
        )
    if path.suffix == ".json" and (path.parent / "config.json").is_file():
        hint = f"Give the folder: {shlex.quote(str(path.parent))}"
        raise CheckpointError("a file of a model, not its weights", where=str(path), hint=hint)
    raise CheckpointError("neither a folder nor a .safetensors file", where=str(path), hint=_GIVE)


def _gguf(path: Path) -> str | None:
    """Return what the GGUF file at `path` is, or None when it is none.

    Raises:
        CheckpointError: it is no regular file, or cannot be read.
    """
    # Every worker imports this room, and the library behind the reader is slow to import.
    from quantcli.container.reader import GgufFile

    try:
        with open_input(path, error=CheckpointError) as file:
            if file.read(4) != b"GGUF":
                return None
        entries = GgufFile(path).entries
    except ContainerError:
        return "a GGUF file, not a checkpoint"
    said = [entries[k].value for k in ("general.architecture", "general.name") if k in entries]
    told = f" ({', '.join(str(value) for value in said)})" if said else ""
    return f"a GGUF file{told}, not a checkpoint: it is converted already"


def _refuse_lone_shard(path: Path) -> None:
    place = shard(path.name)
    if place is None or place.count == 1:
        return
    raise CheckpointError(
        f"shard {place.number} of {place.count}, not the whole model",
        where=str(path),
        hint=f"Give the folder with all {place.count}: {shlex.quote(str(path.parent))}",
    )
