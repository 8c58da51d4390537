"""Paths that are not there: ids and addresses of the Hub, and slips of the pen."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantcli.checkpoint.locating import not_there


def told(path: str | Path) -> str:
    return str(not_there(Path(path)))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "path, line",
    [
        ("Qwen/Qwen3-0.6B", "hf download Qwen/Qwen3-0.6B --local-dir Qwen3-0.6B"),
        ("a.b/c_d-1", "hf download a.b/c_d-1 --local-dir c_d-1"),
        ("https://huggingface.co/org/name", "hf download org/name --local-dir name"),
        ("http://www.huggingface.co/org/name/", "hf download org/name --local-dir name"),
        ("huggingface.co/org/name/tree/main", "hf download org/name --local-dir name"),
        ("hf.co/org/name", "hf download org/name --local-dir name"),
        ("hf://org/name", "hf download org/name --local-dir name"),
        (
            "https://huggingface.co/org/name/blob/v2/model.safetensors",
            "hf download org/name --revision v2 --local-dir name",
        ),
        ("https://huggingface.co/org/name?library=x", "hf download org/name --local-dir name"),
    ],
)
def test_models_of_the_hub(path: str, line: str) -> None:
    text = told(path)
    assert "is a model of the Hugging Face Hub" in text
    assert f"\n  {line}\n" in text
    assert f"\n  quantcli convert {line.rpartition(' ')[2]} -t Q4_K_M" in text


def test_a_slip_names_the_sibling(tmp_path: Path) -> None:
    (tmp_path / "models" / "Llama-3.2-1B-Instruct").mkdir(parents=True)
    for slip in (
        "models/Llama-3.2-1B-Instuct",
        "models/llama-3.2-1b-instruct",
        "modles/Llama-3.2-1B-Instruct",
    ):
        text = told(slip)
        assert "no such file or folder" in text
        assert "Did you mean models/Llama-3.2-1B-Instruct?" in text
        assert "Hub" not in text
    absolute = tmp_path / "models" / "Llama-3.2-1B-Instruct2"
    assert f"Did you mean {tmp_path}/models/Llama-3.2-1B-Instruct?" in told(absolute)


def test_a_sibling_with_a_space_can_be_copied(tmp_path: Path) -> None:
    (tmp_path / "my model").mkdir()
    assert "Did you mean 'my model'?" in told("my_model")


def test_what_may_be_either(tmp_path: Path) -> None:
    """A name alone, or within a folder that is there, is a path first."""
    (tmp_path / "Qwen").mkdir()
    for path in ("gpt2", "Qwen/Qwen3-0.6B"):
        text = told(path)
        assert text.startswith(f"{path}: no such file or folder")
        assert f"download it first: hf download {path} --local-dir {Path(path).name}" in text


@pytest.mark.parametrize("path", ["/nowhere/at/all", "a/b/c", "out/m.gguf", "m.safetensors"])
def test_paths_are_no_ids(path: str) -> None:
    assert "Hub" not in told(path)
    assert "Give the folder of a Hugging Face model" in told(path)


def test_an_unexpanded_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "m").mkdir()
    text = told("~/m")
    assert "~ is expanded by shells only" in text
    assert f"Give {tmp_path}/m." in text
