"""Which files of a folder are its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import quantcli
from quantcli.checkpoint import open_checkpoint
from quantcli.errors import CheckpointError

MakeTiny = Callable[..., Path]


@pytest.fixture
def model(make_tiny: MakeTiny) -> Path:
    return make_tiny("llama")


@pytest.fixture
def outside(tmp_path: Path, model: Path) -> Path:
    """A file of the model that was moved out of its folder."""
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    return Path(shutil.move(model / "tokenizer.json", moved))


def test_links_inside_the_folder_are_followed(model: Path) -> None:
    (model / "weights.safetensors").symlink_to("model.safetensors")
    (model / "tokenizer.json").rename(model / "real.json")
    (model / "tokenizer.json").symlink_to("real.json")
    assert quantcli.plan(model, "Q8_0").steps


def test_a_link_out_of_the_folder_needs_a_word(model: Path, outside: Path) -> None:
    (model / "tokenizer.json").symlink_to(outside)
    with pytest.raises(CheckpointError, match=r"links out .*\n  tokenizer.json → ") as caught:
        quantcli.plan(model, "Q8_0")
    assert "follow_links=True" in str(caught.value)
    assert quantcli.plan(model, "Q8_0", follow_links=True).steps


def test_a_linked_subfolder_is_a_link_too(model: Path, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "config.json").write_text("{}")
    (model / "1_Pooling").symlink_to(tmp_path / "private")
    with pytest.raises(CheckpointError, match=r"1_Pooling/config.json → "):
        open_checkpoint(model)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.model", "generation_config.json"])
def test_a_fifo_is_refused_and_not_waited_for(model: Path, name: str) -> None:
    (model / name).unlink(missing_ok=True)
    os.mkfifo(model / name)
    with pytest.raises(CheckpointError, match=f"{name}: a FIFO"):
        open_checkpoint(model, follow_links=True)


def test_a_device_behind_a_link_is_refused(model: Path) -> None:
    (model / "vocab.txt").symlink_to(os.devnull)
    with pytest.raises(CheckpointError, match=r"vocab.txt: a device"):
        open_checkpoint(model, follow_links=True)


def cached(model: Path, tmp_path: Path, target: str) -> Path:
    """The model as a snapshot of the Hub's cache, its README.md a link to `target`."""
    repository = tmp_path / "hub" / "models--acme--tiny"
    (repository / "blobs").mkdir(parents=True)
    snapshot = repository / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    for file in model.iterdir():
        blob = repository / "blobs" / f"blob-{file.name}"
        shutil.copy(file, blob)
        (snapshot / file.name).symlink_to(os.path.relpath(blob, snapshot))
    (repository / "blobs" / "card").write_text("# card")
    (snapshot / "README.md").symlink_to(target)
    return snapshot


def test_the_hub_cache_links_into_its_own_blobs(model: Path, tmp_path: Path) -> None:
    snapshot = cached(model, tmp_path, "../../blobs/card")
    assert quantcli.plan(snapshot, "Q8_0").steps
    # Also through a link with a speaking name.
    (tmp_path / "speaking").symlink_to(snapshot)
    assert quantcli.plan(tmp_path / "speaking", "Q8_0").steps


def test_another_repository_s_files_are_outside(model: Path, tmp_path: Path, outside: Path) -> None:
    snapshot = cached(model, tmp_path, os.path.relpath(outside, tmp_path / "hub" / "a" / "b" / "c"))
    with pytest.raises(CheckpointError, match=r"links out .*\n  README.md"):
        open_checkpoint(snapshot)
