"""Which files count, by what transformers 5 loads from the same folders (frozen)."""

from __future__ import annotations

import json
from pathlib import Path

import file_choices
import numpy as np
import pytest
import tiny
from file_choices import FIRST, INDEX, SECOND

import quantcli
from quantcli.checkpoint import Checkpoint, open_checkpoint
from quantcli.errors import CheckpointError, QuantcliError

FROZEN: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "file_choices.json").read_text(encoding="utf-8")
)
# What the user is told; nothing where nothing was decided.
NOTES = {
    "named-not-stored": "the index names tensors that no file holds: 'lm_head.weight'",
    "stored-not-named": "the index does not name, which are read all the same: 'model.norm.weight'",
    "another-shard-named": None,
    "two-shards-hold-it": f"the last counts: 'model.embed_tokens.weight' in {FIRST} and {SECOND}",
    "shards-gone": f"model.safetensors is read alone, as transformers does; left aside: {INDEX}",
    "whole-beside-shards": f"left aside: {INDEX}, {FIRST}, {SECOND}",
    "whole-beside-a-broken-index": f"left aside: {INDEX}",
    "variant-beside": None,
    "consolidated-beside": None,
    "adapter-beside": "an adapter lies beside the model and is not merged: adapter_model",
    "more-shards-than-named": None,
    "in-a-subfolder": None,
    "named-by-the-config": "config.json names other.safetensors as the file of weights",
}


def digests(checkpoint: Checkpoint) -> dict[str, str]:
    return {
        name: file_choices.digest(checkpoint.rows(name, 0, checkpoint.ref(name).rows))
        for name in checkpoint.names()
    }


@pytest.mark.parametrize("name", sorted(file_choices.FOLDERS))
def test_the_values_are_those_that_transformers_loads(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    file_choices.FOLDERS[name](folder)
    checkpoint = open_checkpoint(folder)
    assert digests(checkpoint) == FROZEN[name]
    note = NOTES[name]
    assert checkpoint.notes == () if note is None else note in "\n".join(checkpoint.notes)
    read = {checkpoint.ref(tensor).file for tensor in checkpoint.names()}
    assert read <= checkpoint.files.keys()


def test_the_notes_reach_the_plan_and_strict_refuses_them(tmp_path: Path) -> None:
    file_choices.FOLDERS["shards-gone"](tmp_path / "m")
    (note,) = (n for n in quantcli.plan(tmp_path / "m", "F32").notes if "left aside" in n)
    with pytest.raises(QuantcliError, match="strict") as caught:
        quantcli.plan(tmp_path / "m", "F32", strict=True)
    assert note in str(caught.value)


# ------------------------------------------------------- where transformers finds nothing to load
@pytest.mark.parametrize(
    "file", ["model.fp16.safetensors", "pytorch_model.safetensors", "TinyChat.safetensors"]
)
def test_the_only_file_is_the_model(tmp_path: Path, file: str) -> None:
    folder = file_choices.whole(tmp_path / "m", file=file)
    checkpoint = open_checkpoint(folder)
    assert digests(checkpoint) == FROZEN["shards-gone"]
    assert checkpoint.notes == (f"{file} is the only file of weights: read",)


@pytest.mark.parametrize("first", [0, 1])
def test_a_complete_numbered_set_needs_no_index(tmp_path: Path, first: int) -> None:
    folder = file_choices.sharded(tmp_path / "m")
    (folder / INDEX).unlink()
    if first == 0:
        (folder / FIRST).rename(folder / "model-00000-of-00002.safetensors")
        (folder / SECOND).rename(folder / FIRST)
    # Neither a variant of the same model nor an adapter is part of the set.
    file_choices.store(folder, "other-00001-of-00001.safetensors", x=np.ones(2, np.float32))
    file_choices.store(folder, "adapter_model.safetensors", x=np.ones(2, np.float32))
    checkpoint = open_checkpoint(folder)
    assert digests(checkpoint) == FROZEN["named-not-stored"]
    assert f"there is no {INDEX}: all 2 numbered files are read" in checkpoint.notes


def test_shards_of_a_variant(tmp_path: Path) -> None:
    folder = file_choices.sharded(tmp_path / "m")
    (folder / INDEX).rename(folder / "model.safetensors.index.fp16.json")
    for file in (FIRST, SECOND):
        (folder / file).rename(folder / file.replace("model-", "model.fp16-"))
    assert digests(open_checkpoint(folder)) == FROZEN["named-not-stored"]


def test_several_files_are_no_choice(tmp_path: Path) -> None:
    folder = file_choices.whole(tmp_path / "m", file="b.safetensors")
    file_choices.whole(folder, file="a.safetensors")
    with pytest.raises(CheckpointError, match="several files could be the model") as caught:
        open_checkpoint(folder)
    assert "a.safetensors\n  b.safetensors" in str(caught.value)
    assert "Give the path of the .safetensors file itself" in str(caught.value)
    assert open_checkpoint(folder / "a.safetensors").ref("model.norm.weight").file == (
        "a.safetensors"
    )


# ------------------------------------------------------------------------------- what is missing
def test_an_index_whose_shards_are_gone(tmp_path: Path) -> None:
    folder = file_choices.sharded(tmp_path / "m")
    (folder / FIRST).unlink()
    (folder / SECOND).rename(folder / "elsewhere")
    (folder / SECOND).symlink_to(folder / "pruned")
    with pytest.raises(CheckpointError, match="names 2 of 2 files that are not there") as caught:
        open_checkpoint(folder)
    assert caught.value.where == str(folder / INDEX)
    assert f"{FIRST}\n  {SECOND} (a link to nothing)" in str(caught.value)
    assert "download is incomplete" in str(caught.value)


def test_shards_missing_without_an_index(tmp_path: Path) -> None:
    folder = tiny.write_tiny("llama", tmp_path / "m", shards=4)
    (folder / INDEX).unlink()
    for number in (1, 4):
        (folder / f"model-0000{number}-of-00004.safetensors").unlink()
    with pytest.raises(CheckpointError, match="has 2 of 4 shards") as caught:
        open_checkpoint(folder)
    text = str(caught.value)
    assert "(model-00002-of-00004.safetensors, model-00003-of-00004.safetensors)" in text
    assert "missing:\n  model-00001-of-00004.safetensors\n  model-00004-of-00004" in text


def test_many_missing_shards_are_counted(tmp_path: Path) -> None:
    folder = file_choices.sharded(tmp_path / "m")
    many = {f"t{i}": f"model-{i:05d}-of-00191.safetensors" for i in range(1, 192)}
    file_choices.edit(folder / INDEX, lambda index: index.update(weight_map=many))
    with pytest.raises(CheckpointError, match="names 191 of 191 files") as caught:
        open_checkpoint(folder)
    assert len(caught.value.message.splitlines()) == 22
    assert "… and 171 more" in caught.value.message


@pytest.mark.parametrize("named", ["../other.safetensors", "/other.safetensors", "other.bin"])
def test_the_config_cannot_name_a_file_outside(tmp_path: Path, named: str) -> None:
    folder = file_choices.whole(tmp_path / "m")
    file_choices.edit(folder / "config.json", lambda c: c.update(transformers_weights=named))
    with pytest.raises(CheckpointError, match="not a file in the folder"):
        open_checkpoint(folder)


def test_the_config_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    folder = file_choices.whole(tmp_path / "m")
    file_choices.edit(
        folder / "config.json", lambda c: c.update(transformers_weights="x.safetensors")
    )
    with pytest.raises(CheckpointError, match=r"names 'x\.safetensors', which is not there"):
        open_checkpoint(folder)


def test_the_config_names_an_index(tmp_path: Path) -> None:
    folder = file_choices.sharded(tmp_path / "m")
    file_choices.whole(folder)
    (folder / INDEX).rename(folder / "mine.safetensors.index.json")
    file_choices.edit(
        folder / "config.json",
        lambda c: c.update(transformers_weights="mine.safetensors.index.json"),
    )
    checkpoint = open_checkpoint(folder)
    assert digests(checkpoint) == FROZEN["named-not-stored"]
    assert "mine.safetensors.index.json" in checkpoint.files


def test_what_was_left_aside_is_said_when_something_is_missing(tmp_path: Path) -> None:
    """transformers would fill the missing layers with random numbers; the shards have them."""
    folder = file_choices.sharded(tmp_path / "m")
    first = dict(file_choices.load_file(folder / FIRST))
    file_choices.store(folder, "model.safetensors", **first)
    with pytest.raises(QuantcliError, match="missing tensors") as caught:
        quantcli.plan(folder, "F32")
    assert (
        f"model.safetensors is read alone, as transformers does; left aside: {INDEX}, {FIRST}"
        in (str(caught.value.hint))
    )
