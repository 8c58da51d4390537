"""Writes a case's checkpoint: names and shapes from transformers, values from `weights`."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tiny import write_tensors

from conformance import vocabularies, weights
from conformance.case import Case


@dataclass(frozen=True, slots=True)
class Made:
    """What makes a checkpoint again without torch.

    Attributes:
        config: config.json.
        shapes: of the tensors, in file order.
        dtypes: safetensors' names of their dtypes.
    """

    config: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]


def write(case: Case, made: Made, folder: Path) -> None:
    """Write the whole checkpoint into `folder`, which is made; needs numpy only."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabularies.KINDS[case.tokenizer].write(folder)
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(made.config, indent=1), encoding="utf-8")
    write_tensors(folder, weights.tensors(made.shapes, case.weights, made.dtypes))


def write_twin(case: Case, made: Made, folder: Path) -> None:
    """Write the checkpoint of the case's twin into `folder`, which is made; needs transformers."""
    import transformers

    assert case.twin is not None
    cls = getattr(transformers, case.twin.hf)
    config = configuration(cls, case.twin.config, vocabularies.KINDS[case.tokenizer].write(folder))
    config.architectures = [case.twin.hf]
    config.save_pretrained(folder)
    stored = weights.tensors(made.shapes, case.weights, made.dtypes)
    tensors = case.twin.tensors(stored)
    write_tensors(folder, {name: np.ascontiguousarray(value) for name, value in tensors.items()})


def token_ids(case: Case) -> list[int]:
    """Return the tokens that the model is given."""
    low, high = case.vocabulary or vocabularies.KINDS[case.tokenizer].plain
    return weights.token_ids(case.tokens, low, high)


def made(case: Case, scratch: Path) -> Made:
    """Return what the case's checkpoint consists of, asking transformers unless it has `shapes`."""
    scratch.mkdir(parents=True, exist_ok=True)
    size = vocabularies.KINDS[case.tokenizer].write(scratch)
    if case.shapes is not None:
        config = {"architectures": [case.hf], "vocab_size": size, **case.config}
        shapes = dict(case.shapes)
        dtypes = dict.fromkeys(shapes, case.dtype)
    else:
        config, shapes, dtypes = _instantiated(case, size, scratch / "saved")
    return Made(
        _changed(config, case.changes),
        _renamed({**shapes, **case.extra}, case),
        _renamed({**dtypes, **dict.fromkeys(case.extra, case.dtype)}, case),
    )


def _instantiated(case: Case, size: int, folder: Path) -> tuple[dict[str, Any], Any, Any]:
    import torch
    import transformers

    cls = getattr(transformers, case.hf)
    model = cls(configuration(cls, case.config, size)).eval()
    model.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if case.layout == "stacked":
        stored: dict[str, torch.Tensor] = {}
        seen: set[int] = set()
        for name, tensor in model.state_dict().items():
            if tensor.data_ptr() not in seen or not tensor.numel():
                stored[name] = tensor
            seen.add(tensor.data_ptr())
        shapes = {name: tuple(tensor.shape) for name, tensor in stored.items()}
        kinds = {name: "F32" if t.is_floating_point() else "I64" for name, t in stored.items()}
    else:
        shapes, kinds = _stored(folder)
    dtypes = {n: case.dtype if kind in weights.DTYPES else kind for n, kind in kinds.items()}
    return config, shapes, dtypes


def configuration(cls: Any, config: Mapping[str, Any], size: int) -> Any:
    """Return the configuration of `cls`, its vocabulary of `size` tokens unless `config` says."""
    arguments = dict(config)
    if isinstance(arguments.get("text_config"), Mapping):
        arguments["text_config"] = {"vocab_size": size, **arguments["text_config"]}
    elif "vocab_size" not in arguments:
        arguments["vocab_size"] = size
    return cls.config_class(**arguments)


def _stored(folder: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Return shapes and dtypes of the safetensors files in `folder`, in file order."""
    headers: dict[str, Any] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        headers |= dict(sorted(header.items(), key=lambda item: item[1]["data_offsets"]))
    shapes = {name: tuple(entry["shape"]) for name, entry in headers.items()}
    return shapes, {name: entry["dtype"] for name, entry in headers.items()}


def _changed(config: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    for path, value in changes.items():
        *parents, name = path.split(".")
        place = config
        for parent in parents:
            place = place[parent]
        if value is None:
            place.pop(name, None)
        else:
            place[name] = value
    return config


def _renamed(by_name: Mapping[str, Any], case: Case) -> dict[str, Any]:
    found = {}
    for name, value in by_name.items():
        if case.drop and re.search(case.drop, name):
            continue
        old = next((prefix for prefix in case.rename if name.startswith(prefix)), None)
        new = name if old is None else case.rename[old] + name.removeprefix(old)
        found[new] = value
    return found
