from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quantcli.arch import Entry, expand
from quantcli.arch.general import general_entries
from quantcli.checkpoint import open_checkpoint
from quantcli.errors import ConfigError

Make = Callable[..., Path]


def entries(folder: Path) -> tuple[Entry, ...]:
    checkpoint = open_checkpoint(folder)
    return general_entries(folder, expand(checkpoint.config, checkpoint.refs, checkpoint.root))


def values(folder: Path) -> dict[str, Any]:
    return {entry.key: entry.value for entry in entries(folder)}


def test_architecture_and_type_come_first(make_tiny: Make) -> None:
    first, second, *_ = entries(make_tiny("mistral"))
    assert (first.key, first.value) == ("general.architecture", "llama")
    assert (second.key, second.value) == ("general.type", "model")


def test_a_model_without_a_card_is_named_after_its_folder(make_tiny: Make, tmp_path: Path) -> None:
    folder = make_tiny("llama").rename(tmp_path / "Some-Model-Instruct-v1.5")
    got = values(folder)
    assert got["general.name"] == "Some Model Instruct v1.5"
    assert got["general.finetune"] == "Instruct"
    assert got["general.version"] == "v1.5"
    assert got["general.size_label"] == "175K"


def test_where_the_folder_lies_does_not_matter(
    make_tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_tiny("mistral")
    elsewhere = tmp_path / "deep" / "down" / folder.name
    shutil.copytree(folder, elsewhere)
    assert entries(elsewhere) == entries(folder)
    monkeypatch.chdir(folder)
    assert entries(Path()) == entries(folder)


def test_a_card_of_numbers_becomes_text(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    card = "---\nversion: 2.0\nlicense: [mit, gpl-3.0]\ntags: [1, x]\nlanguage: en\n---\n"
    (folder / "README.md").write_text(card, encoding="utf-8")
    got = values(folder)
    assert got["general.version"] == "2.0"
    assert got["general.license"] == "mit,gpl-3.0"
    assert got["general.tags"] == ("1", "x")
    assert got["general.languages"] == ("en",)


@pytest.mark.parametrize(
    "card",
    ["---\nlicense: [mit\n---\n", "---\nbase_model: {a: [}\n---\n", "---\nlicense: [1, 2]\n---\n"],
)
def test_a_card_that_cannot_be_understood_is_named(make_tiny: Make, card: str) -> None:
    folder = make_tiny("llama")
    (folder / "README.md").write_text(card, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"README\.md") as caught:
        entries(folder)
    assert caught.value.where == str(folder)


def test_a_card_that_is_not_text(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    (folder / "README.md").write_bytes(b"---\n\xff\xfe\n---\n")
    with pytest.raises(ConfigError, match=r"README\.md"):
        entries(folder)


def test_sampling_advice_of_the_wrong_kind_is_named(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    (folder / "generation_config.json").write_text('{"top_k": "many"}', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"general\.sampling\.top_k cannot be 'many'"):
        entries(folder)
