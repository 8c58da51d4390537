from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from quantcli.checkpoint import open_checkpoint
from quantcli.errors import CheckpointError, ConfigError

Make = Callable[..., Path]
INDEX = "model.safetensors.index.json"


def edit_index(folder: Path, change: Callable[[dict[str, str]], object]) -> None:
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    change(index["weight_map"])
    (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")


def test_one_file(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    checkpoint = open_checkpoint(folder)
    stored = load_file(folder / "model.safetensors")
    assert set(checkpoint.names()) == set(stored)
    for name, tensor in stored.items():
        rows = checkpoint.ref(name).rows
        assert np.array_equal(checkpoint.rows(name, 0, rows), tensor.reshape(rows, -1))
    size = (folder / "model.safetensors").stat().st_size
    assert checkpoint.files["model.safetensors"] == size
    assert checkpoint.config["model_type"] == "llama"


def test_shards_hold_what_one_file_holds(make_tiny: Make, tmp_path: Path) -> None:
    whole = open_checkpoint(make_tiny("qwen2"))
    folder = make_tiny("qwen2", shards=3)
    (folder / "model.safetensors").unlink()
    sharded = open_checkpoint(folder)
    assert set(sharded.names()) == set(whole.names())
    assert list(sharded.files) == [
        "config.json",
        INDEX,
        *(f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)),
    ]
    assert len({sharded.ref(name).file for name in sharded.names()}) == 3


def test_shards_without_an_index(make_tiny: Make) -> None:
    folder = make_tiny("llama", shards=2)
    names = set(open_checkpoint(folder).names())
    (folder / INDEX).unlink()
    assert set(open_checkpoint(folder).names()) == names


def test_a_single_file_beside_its_config(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    checkpoint = open_checkpoint(folder / "model.safetensors")
    assert checkpoint.root == folder
    assert checkpoint.names() == open_checkpoint(folder).names()


def test_unknown_tensor(make_tiny: Make) -> None:
    with pytest.raises(CheckpointError, match="no tensor 'nothing'"):
        open_checkpoint(make_tiny("llama")).ref("nothing")


@pytest.mark.parametrize(
    "text, message",
    [
        (None, "no such file"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_config_is_named(make_tiny: Make, text: str | None, message: str) -> None:
    folder = make_tiny("llama")
    (folder / "config.json").unlink()
    if text is not None:
        (folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        open_checkpoint(folder)
    assert caught.value.where == str(folder / "config.json")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/model.safetensors",
        "../model.safetensors",
        "a/../../model.safetensors",
        "..\\model.safetensors",
        "model.bin",
        "model\0.safetensors",
        7,
    ],
)
def test_an_index_that_leads_outside_is_refused(make_tiny: Make, path: Any) -> None:
    folder = make_tiny("llama", shards=2)
    edit_index(folder, lambda weights: weights.update({"model.norm.weight": path}))
    with pytest.raises(CheckpointError, match="outside the model's folder") as caught:
        open_checkpoint(folder)
    assert caught.value.where == str(folder / INDEX)


@pytest.mark.parametrize("index", ["[]", "{}", '{"weight_map": {}}', '{"weight_map": [1]}'])
def test_an_index_without_a_map(make_tiny: Make, index: str) -> None:
    folder = make_tiny("llama", shards=2)
    (folder / INDEX).write_text(index, encoding="utf-8")
    with pytest.raises(ConfigError, match="has no weight_map"):
        open_checkpoint(folder)


def test_a_tensor_in_two_numbered_files_without_an_index(make_tiny: Make) -> None:
    folder = make_tiny("llama", shards=2)
    (folder / INDEX).unlink()
    first, second = (folder / f"model-0000{i}-of-00002.safetensors" for i in (1, 2))
    save_file({**load_file(second), **load_file(first)}, second)
    with pytest.raises(CheckpointError, match="in two files") as caught:
        open_checkpoint(folder)
    assert f"'model.embed_tokens.weight' in {first.name} and {second.name}" in str(caught.value)
