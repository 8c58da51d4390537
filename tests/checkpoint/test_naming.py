"""What a model is called, by where it lies."""

from __future__ import annotations

from pathlib import Path

from quantcli.checkpoint.naming import model_name


def test_a_folder_gives_its_own_name(tmp_path: Path) -> None:
    assert model_name(tmp_path / "Tiny-Chat") == "Tiny-Chat"
    assert model_name(tmp_path / "Tiny-Chat" / "model.safetensors") == "Tiny-Chat"


def test_a_snapshot_of_the_hub_cache_gives_the_repository_s_name(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--acme--Tiny-Chat-v2" / "snapshots" / ("0123abcd" * 5)
    assert model_name(snapshot) == "Tiny-Chat-v2"
    assert model_name(snapshot / "model.safetensors") == "Tiny-Chat-v2"
    # A repository without an organization.
    assert model_name(tmp_path / "models--gpt2" / "snapshots" / "abc") == "gpt2"


def test_a_link_s_name_counts(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--acme--a" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    link = tmp_path / "speaking"
    link.symlink_to(snapshot)
    assert model_name(link) == "speaking"
