from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import file_choices
import gguf
import pytest

from quantcli.arch import Entry, expand
from quantcli.arch.general import general_entries
from quantcli.checkpoint import open_checkpoint

Make = Callable[..., Path]


def described(folder: Path) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    checkpoint = open_checkpoint(folder)
    return general_entries(folder, expand(checkpoint.config, checkpoint.refs, checkpoint.root))


def entries(folder: Path) -> tuple[Entry, ...]:
    found, notes = described(folder)
    assert notes == ()
    return found


def values(folder: Path) -> dict[str, Any]:
    return {entry.key: entry.value for entry in entries(folder)}


def with_card(folder: Path, card: str | bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the values and the notes of a model with that card."""
    data = card if isinstance(card, bytes) else card.encode()
    (folder / "README.md").write_bytes(data)
    found, notes = described(folder)
    return {entry.key: entry.value for entry in found}, notes


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


ORDINARY = {
    "usual": "license: apache-2.0\nlanguage:\n- en\n- no\npipeline_tag: text-generation\n"
    "tags:\n- chat\nbase_model: org/Tiny-Chat-7B-v0.2\ndatasets:\n- org/data-set\n- c4\n",
    "merged": "base_model:\n- org/a-1B\n- https://huggingface.co/org/b-2B\n- alone\n"
    "tags:\n\t- merge\n",
    "named": "model_name: Some Name\nmodel_creator: Someone\nmodel_type: llama\nlicense: other\n"
    "license_name: own\nlicense_link: LICENSE\nversion: v2\ndescription: Says a thing.\n",
    "maps": "base_model:\n- {name: A, repo_url: 'https://example.org/a', author: Someone}\n"
    "datasets:\n- {name: D, organization: Org}\n",
    "little": "license: mit\nlanguage: de\n",
    "nothing used": "inference: false\nwidget:\n- text: Hello\nmodel-index: []\n",
}


@pytest.mark.parametrize("name", sorted(ORDINARY))
def test_ordinary_cards_say_what_the_gguf_library_says(make_tiny: Make, name: str) -> None:
    folder = make_tiny("llama")
    card = f"---\n{ORDINARY[name]}---\n# A model\n"
    (folder / "generation_config.json").write_text(
        '{"temperature": 0.6, "top_k": 20, "top_p": null, "do_sample": true}', encoding="utf-8"
    )
    found, notes = with_card(folder, card)
    assert notes == ()
    library = gguf.Metadata.load(None, folder, None, 175_000)
    library.size_label = None
    writer = gguf.GGUFWriter(None, "llama")
    writer.add_type("model")
    library.set_gguf_meta_model(writer)
    said = {key: item.value for key, item in writer.kv_data[0].items()}
    expected = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
    assert expected == {k: v for k, v in found.items() if k != "general.size_label"}


# Cards that cannot be read at all, and what is said of them.
UNREADABLE: dict[str, tuple[str | bytes, str]] = {
    "open bracket": ("---\nlicense: [mit\n---\n", "line 3: expected ',' or ']'"),
    "colon": ("---\nlicense: mit\ntitle: A: b\n---\n", "line 3: mapping values"),
    "template": ("---\nlicense: mit\nname: {{ name }}\n---\n", "line 3: found unhashable key"),
    "jinja block": ("---\n{% if x %}\nlicense: mit\n{% endif %}\n---\n", "line 2: "),
    "object": ("---\na: !!python/object:os.system {}\n---\n", "line 2: could not determine"),
    "nul": ("---\nlicense: mit\0\n---\n", "special characters are not allowed"),
    "deep": (f"---\ntags: {'[' * 3000}\n---\n", "not YAML"),
    "digits": (f"---\nversion: {'9' * 5000}\n---\n", "not YAML"),
    "no date": ("---\nversion: 2024-13-99\n---\n", "not YAML"),
    "list": ("---\n- a\n- b\n---\n", "line 2: its front matter is a list, not a map"),
    "text": ("---\njust a sentence\n---\n", "line 2: its front matter is a str, not a map"),
    "latin-1": (
        "---\nlicense: mit\nauthor: Zo\u00eb\n---\n".encode("latin-1"),
        "line 3 is not UTF-8",
    ),
    "utf-16": ("---\nlicense: mit\n---\n".encode("utf-16"), "it is UTF-16"),
    "no end": (b"---\n" + b"x: y\n" * 300_000, "has no end within"),
}


@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_a_card_that_cannot_be_read_is_left_aside(make_tiny: Make, name: str) -> None:
    folder = make_tiny("llama")
    without = entries(folder)
    card, reason = UNREADABLE[name]
    found, (note,) = with_card(folder, card)
    assert found == {entry.key: entry.value for entry in without}
    assert note.startswith("README.md is left aside: ")
    assert reason in note
    assert "\n" not in note


def test_a_folder_in_a_card_s_place_and_a_link_to_nothing(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    (folder / "README.md").mkdir()
    (note,) = described(folder)[1]
    assert note == ("README.md is left aside: cannot be read: it is a folder, not a regular file")
    (folder / "README.md").rmdir()
    (folder / "README.md").symlink_to("nothing")
    assert "README.md is left aside: cannot be read: No such file" in described(folder)[1][0]
    (folder / "README.md").unlink()
    os.mkfifo(folder / "README.md")
    assert "it is a FIFO, not a regular file" in described(folder)[1][0]


# Cards of which a part is used: what is kept, and what the note names.
PARTLY: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "base path": ("base_model: ./outputs/run 3/", {}, ("base_model './outputs/run 3/' (line 3)",)),
    "base run": ("base_model: outputs/run3", {}, ("base_model 'outputs/run3'",)),
    "base step": ("base_model: org/checkpoint-500", {}, ("base_model 'org/checkpoint-500'",)),
    "base home": ("base_model: ~/models/x", {}, ("base_model '~/models/x'",)),
    "base drive": (r"base_model: C:\models\my model", {}, ("base_model 'C:",)),
    "base slash": ("base_model: /", {}, ("base_model '/'",)),
    "base number": ("base_model: 7", {}, ("base_model 7 (line 3)",)),
    "base list": ("base_model: [[x]]", {}, ("base_model (a list)",)),
    "base deep": ("base_model: a/b/c/d", {}, ("base_model 'a/b/c/d'",)),
    "one of two": (
        "base_model: [org/good-1B, /mnt/bad]",
        {"general.base_model.count": 1, "general.base_model.0.organization": "Org"},
        ("base_model '/mnt/bad'",),
    ),
    "author path": (r"author: C:\models", {}, ("author 'C:",)),
    "name path": ("name: ./x", {}, ("name './x'",)),
    "name list": ("name: [a, b]", {}, ("name (a list)",)),
    "name template": ('model_name: "{{ name }}"', {}, ("model_name '{{ name }}'",)),
    "surrogate": (r'name: "\ud800"', {}, ("name '\\ud800'",)),
    "tags nested": ("tags: [a, [b], {c: d}]", {"general.tags": ("a",)}, ("(a list)", "(a dict)")),
    "data set": ("datasets: [./data/x, org/d]", {"general.dataset.0.name": "D"}, ("'./data/x'",)),
    "hex": (f"version: 0x{'f' * 5000}", {}, ("version (a int)",)),
}


@pytest.mark.parametrize("name", sorted(PARTLY))
def test_what_is_not_understood_is_left_out_and_named(make_tiny: Make, name: str) -> None:
    line, kept, told = PARTLY[name]
    folder = make_tiny("llama")
    found, (note,) = with_card(folder, f"---\nlicense: mit\n{line}\n---\n")
    assert found["general.license"] == "mit"
    assert kept.items() <= found.items()
    assert note.startswith("README.md: left out as not understood: ")
    for part in told:
        assert part in note
    assert len(note) < 400
    origins = [key for key in found if "base_model" in key or "dataset" in key]
    assert bool(origins) == any("base_model" in key or "dataset" in key for key in kept)
    assert found["general.name"] == "Tiny Llama"
    assert "general.author" not in found


# What is there without saying anything, or is said in another way, is no fault.
SILENT: dict[str, tuple[str | bytes, dict[str, Any]]] = {
    "nulls": ("---\ntags:\nlanguage:\nbase_model:\n- null\ndatasets: [null]\nname:\n---\n", {}),
    "empty": ("---\nbase_model: []\ntags: []\nlicense: ''\n---\n", {}),
    "no front matter": ("# A model\n---\nlicense: mit\n---\n", {}),
    "nothing": ("", {}),
    "mark": ("---\nlicense: mit\n---\n".encode("utf-8-sig"), {"general.license": "mit"}),
    "windows": ("---\r\nlicense: mit\r\n---\r\n# x\r\n", {"general.license": "mit"}),
    "unclosed": ("---\nlicense: mit\n", {"general.license": "mit"}),
    "tab": ("---\ntags:\n\t- a\n---\n", {"general.tags": ("a",)}),
    "slash": (
        "---\nbase_model: https://huggingface.co/org/name/\n---\n",
        {
            "general.base_model.0.name": "Name",
            "general.base_model.0.repo_url": "https://huggingface.co/org/name",
        },
    ),
    "norway": ("---\nlanguage: [en, no]\n---\n", {"general.languages": ("en", "no")}),
    "norway alone": ("---\nlanguage: no\n---\n", {"general.languages": ("no",)}),
    "date": ("---\nversion: 2024-01-01\n---\n", {"general.version": "2024-01-01"}),
    "numbers": ("---\nlicense: [1, 2]\nname: 3\n---\n", {"general.license": "1,2"}),
}


@pytest.mark.parametrize("name", sorted(SILENT))
def test_what_says_nothing_is_no_fault(make_tiny: Make, name: str) -> None:
    card, kept = SILENT[name]
    found, notes = with_card(make_tiny("llama"), card)
    assert notes == ()
    assert kept.items() <= found.items()
    assert "general.base_model.count" not in found or found["general.base_model.count"] == 1


def test_a_body_in_another_encoding_is_told(make_tiny: Make) -> None:
    card = "---\nlicense: mit\n---\n# mod\u00e8le\n".encode("latin-1")
    found, (note,) = with_card(make_tiny("llama"), card)
    assert found["general.license"] == "mit"
    assert note == "README.md: line 4 is not UTF-8; only the front matter is read"


def test_many_values_are_counted(make_tiny: Make) -> None:
    card = f"---\nbase_model: [{', '.join(f'/mnt/m{i}' for i in range(100))}]\n---\n"
    _, (note,) = with_card(make_tiny("llama"), card)
    assert note.endswith(" and 95 more")


def test_aliases_that_multiply_cost_nothing(make_tiny: Make) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 8)}]" for i in range(1, 12)]
    card = "\n".join(["---", *lines, "tags: *a11", "name: *a11", "base_model: *a11", "---"])
    _, (note,) = with_card(make_tiny("llama"), card)
    assert len(note) < 400


# -------------------------------------------------------------------------------- what it is called
@pytest.mark.parametrize(
    "origin, name",
    [
        ("org/Tiny-Chat-v2", "Tiny Chat v2"),
        ("gpt2", "Gpt2"),
        ("./outputs/run 3/", "Tiny Llama"),
        ("run 3/", "Tiny Llama"),
        ("./model", "Tiny Llama"),
        ("/scratch", "Tiny Llama"),
        ("outputs/run3", "Tiny Llama"),
        ("checkpoint-500", "Tiny Llama"),
        ("org/checkpoint-500", "Tiny Llama"),
        (r"C:\models\x", "Tiny Llama"),
        ("~/x", "Tiny Llama"),
        ("", "Tiny Llama"),
        (7, "Tiny Llama"),
        (None, "Tiny Llama"),
    ],
)
def test_a_path_of_training_is_no_name(make_tiny: Make, origin: object, name: str) -> None:
    folder = make_tiny("llama")
    file_choices.edit(folder / "config.json", lambda config: config.update(_name_or_path=origin))
    found = values(folder)
    assert found["general.name"] == name
    assert ("general.organization" in found) == (name != "Tiny Llama" and origin != "gpt2")


def test_a_snapshot_of_the_hub_s_cache_is_called_as_the_repository(
    make_tiny: Make, tmp_path: Path
) -> None:
    snapshot = tmp_path / "models--acme--Tiny-Chat-v2" / "snapshots" / ("0123abcd" * 5)
    snapshot.parent.mkdir(parents=True)
    folder = make_tiny("llama").rename(snapshot)
    link = tmp_path / "Speaking-Name-v3"
    link.symlink_to(snapshot)
    assert values(folder)["general.name"] == "Tiny Chat v2"
    assert values(folder)["general.version"] == "v2"
    assert values(link)["general.name"] == "Speaking Name v3"


# ---------------------------------------------------------------------------------- sampling advice
@pytest.mark.parametrize(
    "advice, kept, told",
    [
        ({"top_k": "many", "top_p": 0.5}, {"top_p": 0.5}, "top_k 'many'"),
        ({"temperature": [1], "top_k": True}, {}, "top_k 'True', temperature '[1]'"),
        ({"top_k": 2**40, "temperature": 1e300}, {}, "top_k '1099511627776', temperature '1e+300'"),
        ({"top_k": 2.5, "mirostat": 2.0}, {"mirostat": 2}, "top_k '2.5'"),
        ({"temperature": float("nan"), "min_p": 0}, {"min_p": 0.0}, "temperature 'nan'"),
    ],
)
def test_sampling_advice_of_the_wrong_kind_is_left_out(
    make_tiny: Make, advice: dict[str, Any], kept: dict[str, Any], told: str
) -> None:
    folder = make_tiny("llama")
    (folder / "generation_config.json").write_text(json.dumps(advice), encoding="utf-8")
    found, (note,) = described(folder)
    prefix = "general.sampling."
    assert {e.key.removeprefix(prefix): e.value for e in found if e.key.startswith(prefix)} == kept
    assert note == f"generation_config.json: left out as not understood: {told}"


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"a": "\xe8"}'])
def test_advice_that_cannot_be_read_is_left_aside(make_tiny: Make, data: bytes) -> None:
    folder = make_tiny("llama")
    (folder / "generation_config.json").write_bytes(data)
    assert described(folder)[1][0].startswith("generation_config.json is left aside: ")
