"""Which files of a folder are its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantcli.checkpoint.folder import Folder
from quantcli.errors import CheckpointError


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    file = tmp_path / "secret.json"
    file.write_text("{}")
    return file


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def test_own_files_and_links_between_them(model: Path) -> None:
    (model / "link.json").symlink_to("config.json")
    assert Folder(model).path("link.json") == model / "link.json"
    assert Folder(model).path("not-there.json") == model / "not-there.json"
    assert Folder(model).has("link.json")
    assert not Folder(model).has("not-there.json")


def test_a_link_out_of_the_folder_needs_a_word(model: Path, outside: Path) -> None:
    (model / "tokenizer.json").symlink_to(outside)
    with pytest.raises(CheckpointError, match="link out of the model's folder") as caught:
        Folder(model).path("tokenizer.json")
    assert "--follow-links" in str(caught.value)
    assert Folder(model, follow_links=True).path("tokenizer.json").read_text() == "{}"


def test_a_linked_subfolder_is_a_link_too(model: Path, outside: Path) -> None:
    (model / "1_Pooling").symlink_to(outside.parent)
    with pytest.raises(CheckpointError, match="link out"):
        Folder(model).path("1_Pooling/secret.json")


@pytest.mark.parametrize("name", ["../secret.json", "/etc/hostname", "a/../../secret.json", ""])
def test_a_path_out_of_the_folder_is_refused_whatever_the_flag(model: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="leaves the model's folder"):
        Folder(model, follow_links=True).path(name)


def cache(tmp_path: Path, target: str) -> Path:
    """A snapshot of the Hub's cache whose config.json is a link to `target`."""
    repository = tmp_path / "hub" / "models--acme--tiny"
    snapshot = repository / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "abcd").write_text("{}")
    (snapshot / "config.json").symlink_to(target)
    return snapshot


def test_the_hub_cache_links_into_its_own_blobs(tmp_path: Path) -> None:
    snapshot = cache(tmp_path, "../../blobs/abcd")
    assert Folder(snapshot).path("config.json").read_text() == "{}"
    # Also through a link with a speaking name.
    (tmp_path / "tiny").symlink_to(snapshot)
    assert Folder(tmp_path / "tiny").path("config.json").read_text() == "{}"


def test_another_repository_s_blobs_are_outside(tmp_path: Path, outside: Path) -> None:
    snapshot = cache(tmp_path, "../../../../secret.json")
    with pytest.raises(CheckpointError, match="link out"):
        Folder(snapshot).path("config.json")
