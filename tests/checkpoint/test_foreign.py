"""What is no checkpoint is said to be what it is, with what to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from quantcli.checkpoint import open_checkpoint
from quantcli.container.header import build_header
from quantcli.container.reader import Metadata
from quantcli.errors import CheckpointError, InputError

Make = Callable[..., Path]
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 988097824\n"


def fill(folder: Path, *files: str) -> Path:
    """Make a folder of files; one called …=TEXT holds that text."""
    folder.mkdir(exist_ok=True)
    for file in files:
        name, _, text = file.partition("=")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        open_checkpoint(path)
    assert caught.value.hint, "it must say what to do"
    return str(caught.value)


LLAMA = 'config.json={"architectures": ["LlamaForCausalLM"]}'
FOLDERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "pickles": ((LLAMA, "pytorch_model.bin"), ("pickle", "LlamaForCausalLM.from_pretrained(")),
    "sharded pickles": (
        (
            LLAMA,
            "pytorch_model-00001-of-00002.bin",
            "pytorch_model-00002-of-00002.bin",
            "training_args.bin",
        ),
        ("(pytorch_model-00001-of-00002.bin, pytorch_model-00002-of-00002.bin)", "save_pretrained"),
    ),
    "a pth": (("consolidated.00.pth", "tokenizer.model"), ("(consolidated.00.pth)",)),
    "pickles of no class": (("config.json={}", "x.pt"), ("import AutoModelForCausalLM",)),
    "gguf": (("m-Q4_K_M.gguf", LLAMA), ("GGUF files only", "quantcli inspect ", "m-Q4_K_M.gguf")),
    "onnx": ((LLAMA, "onnx/model.onnx"), ("an ONNX model", "Convert the Hugging Face checkpoint")),
    "tensorflow": ((LLAMA, "tf_model.h5"), ("a TensorFlow model (tf_model.h5)",)),
    "saved model": (("saved_model.pb",), ("a TensorFlow model",)),
    "flax": ((LLAMA, "flax_model.msgpack"), ("a Flax model",)),
    "npz": (("weights.npz", LLAMA), ("an MLX or NumPy model",)),
    "diffusers": (
        ("model_index.json={}", "text_encoder/config.json={}", "unet/model.safetensors"),
        ("a diffusers pipeline", "text encoder"),
    ),
    "lora": (
        (
            'adapter_config.json={"base_model_name_or_path": "org/base"}',
            "adapter_model.safetensors",
        ),
        ("a LoRA adapter, not a whole model of org/base", "merge_and_unload()"),
    ),
    "pickled lora": (("adapter_config.json={}", "adapter_model.bin"), ("a LoRA adapter", "peft")),
    "mlx lora": (("adapter_config.json={}", "adapters.safetensors"), ("a LoRA adapter",)),
    "mistral": (
        ("config.json={}", "params.json={}", "consolidated.safetensors"),
        ("in the format of its makers", "config.json, model*.safetensors"),
    ),
    "download": (
        (".cache/huggingface/download/x.incomplete", "config.json={}"),
        ("a download that has not finished", "hf download"),
    ),
    "subfolder": (("checkpoint-50/config.json={}",), ("a model in a subfolder", "checkpoint-50")),
    "config only": ((LLAMA,), ("no weights", "Download the model's weights")),
    "tokenizer only": (("tokenizer.json={}",), ("a tokenizer only", "Download the whole model")),
    "empty": ((), ("the folder is empty", "Give the folder of a Hugging Face model")),
    "notes": (("notes.md",), (r"has no model*.safetensors", "Give the folder")),
}


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_folders(tmp_path: Path, name: str) -> None:
    files, parts = FOLDERS[name]
    text = refusal(fill(tmp_path / "m", *files))
    assert str(tmp_path / "m") in text
    for part in parts:
        assert part in text
    assert len(text.splitlines()) <= 4


def test_the_hub_s_cache_points_to_its_current_snapshot(tmp_path: Path) -> None:
    snapshots = [f"snapshots/{digit * 40}/config.json={{}}" for digit in "ab"]
    root = fill(tmp_path / "models--acme--Tiny", *snapshots, f"refs/main={'b' * 40}")
    assert f"Give that folder: {root / 'snapshots' / ('b' * 40)}" in refusal(root)


def test_weights_without_a_config(tmp_path: Path) -> None:
    folder = fill(tmp_path / "m")
    save_file({"x": np.ones(2, np.float32)}, folder / "model.safetensors")
    text = refusal(folder)
    assert str(folder / "config.json") in text
    assert "nothing says what these weights are" in text
    assert "Download config.json" in text
    fill(folder, 'adapter_config.json={"base_model_name_or_path": "org/base"}')
    assert "a LoRA adapter, not a whole model of org/base" in refusal(folder)


# --------------------------------------------------------------------------------- Git LFS pointers
@pytest.mark.parametrize(
    "files",
    [
        ("model.safetensors",),
        ("tokenizer.json",),
        ("config.json",),
        ("model.safetensors", "tokenizer.json", "tokenizer.model"),
        ("vocab.txt",),
    ],
)
def test_pointers_are_all_named(make_tiny: Make, files: tuple[str, ...]) -> None:
    folder = make_tiny("llama")
    for file in files:
        (folder / file).write_text(POINTER, encoding="utf-8")
    text = refusal(folder)
    assert "git lfs pull" in text
    small = [file for file in files if file != "model.safetensors"]
    for file in small or files:
        assert file in text


def test_pointers_that_a_conversion_does_not_read_are_harmless(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    fill(folder, f"README.md={POINTER}", f"pytorch_model.bin={POINTER}", f"m.gguf={POINTER}")
    assert open_checkpoint(folder).notes == ()


def test_pointers_of_shards(make_tiny: Make) -> None:
    folder = make_tiny("llama", shards=2)
    shards = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    fill(folder, *(f"{shard}={POINTER}" for shard in shards))
    text = refusal(folder)
    assert "\n  ".join(["in place of these files:", *shards]) in text


def test_a_folder_of_pickles_that_are_pointers(tmp_path: Path) -> None:
    text = refusal(fill(tmp_path / "m", LLAMA, f"pytorch_model.bin={POINTER}"))
    assert "Git LFS pointers" in text
    assert "pytorch_model.bin" in text


# --------------------------------------------------------------------------------------- files
def test_a_gguf_file(tmp_path: Path) -> None:
    entries = [
        Metadata("general.architecture", "string", "llama"),
        Metadata("general.name", "string", "Tiny Chat"),
    ]
    (tmp_path / "m.gguf").write_bytes(build_header(entries, []).data)
    text = refusal(tmp_path / "m.gguf")
    assert "a GGUF file (llama, Tiny Chat), not a checkpoint" in text
    assert "`quantcli inspect` and `quantcli verify` work on it" in text
    # By its bytes, not by its name; a broken one is a GGUF file as well.
    (tmp_path / "odd.safetensors").write_bytes(b"GGUF\x03")
    assert "a GGUF file, not a checkpoint" in refusal(tmp_path / "odd.safetensors")


@pytest.mark.parametrize("number", [1, 2])
def test_one_shard_of_several(make_tiny: Make, number: int) -> None:
    folder = make_tiny("llama", shards=2)
    text = refusal(folder / f"model-0000{number}-of-00002.safetensors")
    assert f"shard {number} of 2, not the whole model" in text
    assert f"Give the folder with all 2: {folder}" in text


def test_one_shard_of_one_is_the_model(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    only = folder / "model-00001-of-00001.safetensors"
    (folder / "model.safetensors").rename(only)
    assert open_checkpoint(only).names() == open_checkpoint(folder).names()


@pytest.mark.parametrize(
    "file, parts",
    [
        ("pytorch_model.bin", ("a pickle, which can run code", "save_pretrained")),
        ("m.ckpt", ("a pickle",)),
        ("config.json", ("a file of a model", "Give the folder")),
        ("notes.txt", ("neither a folder nor a .safetensors file",)),
        ("adapter_model.safetensors", ("header length",)),
    ],
)
def test_other_files(make_tiny: Make, file: str, parts: tuple[str, ...]) -> None:
    folder = make_tiny("llama")
    (folder / file).touch()
    text = refusal(folder / file)
    assert file in text
    for part in parts:
        assert part in text


def test_a_path_that_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read: File name too long"):
        open_checkpoint(tmp_path / ("x" * 300))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    """A pickle that would leave a file when it is loaded leaves none."""
    mark = tmp_path / "ran"
    payload = f"cos\nsystem\n(S'touch {mark}'\ntR.".encode()
    folder = fill(tmp_path / "m", LLAMA)
    (folder / "pytorch_model.bin").write_bytes(payload)
    refusal(folder)
    refusal(folder / "pytorch_model.bin")
    assert not mark.exists()


def test_links_to_weights_that_were_removed(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("../../blobs/pruned")
    text = refusal(folder)
    assert "links to files that are not there:\n  model.safetensors" in text
    assert "Download the model again" in text


@pytest.mark.parametrize(
    "file, part",
    [("config.json", "config.json: a FIFO"), ("model.safetensors", "model.safetensors: a FIFO")],
)
def test_what_is_no_regular_file_is_never_waited_for(make_tiny: Make, file: str, part: str) -> None:
    folder = make_tiny("llama")
    (folder / file).unlink()
    os.mkfifo(folder / file)
    assert part in refusal(folder)
    with pytest.raises(InputError, match="it is a FIFO, not a regular file"):
        open_checkpoint(folder / file)
