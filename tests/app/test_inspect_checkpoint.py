"""inspect says what a checkpoint is and what a conversion would make of it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import file_choices
import numpy as np
import pytest
import tiny
from safetensors.numpy import load_file

import quantcli
from quantcli.app.inspect_checkpoint import USUAL_PRESET
from quantcli.container.reader import GgufFile
from quantcli.errors import CheckpointError, InputError

Make = Callable[..., Path]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quantcli", "inspect", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def inspect(path: Path) -> quantcli.CheckpointInspection:
    found = quantcli.inspect(path)
    assert isinstance(found, quantcli.CheckpointInspection)
    return found


@pytest.mark.parametrize("name", sorted(tiny.MODELS))
def test_what_is_stored_and_what_would_come_out(make_tiny: Make, tmp_path: Path, name: str) -> None:
    folder = make_tiny(name)
    found = inspect(folder)
    stored = load_file(folder / "model.safetensors")
    assert {t.name: t.shape for t in found.tensors} == {n: v.shape for n, v in stored.items()}
    assert found.weights == sum(math.prod(tensor.shape) for tensor in stored.values())
    assert found.nbytes == sum(tensor.nbytes for tensor in stored.values())
    assert [summary.type for summary in found.dtypes] == ["F32"]
    assert found.files == {"model.safetensors": (folder / "model.safetensors").stat().st_size}
    assert found.problem is None
    assert found.conversion is not None
    done = quantcli.convert(folder, USUAL_PRESET, tmp_path / "out.gguf", jobs=1)
    assert found.conversion.size == Path(done.output).stat().st_size
    assert found.conversion.bits_per_weight == done.bits_per_weight
    assert found.conversion.fallbacks == done.fallbacks
    assert found.notes == done.notes
    made = GgufFile(tmp_path / "out.gguf")
    assert found.architecture == made.value("general.architecture")
    assert found.tokenizer == quantcli.inspect(tmp_path / "out.gguf").tokenizer


def test_shards_of_two_dtypes(make_tiny: Make) -> None:
    folder = make_tiny("qwen2", shards=3, dtype="BF16")
    shard = "model-00003-of-00003.safetensors"
    file_choices.store(folder, shard, model__norm__weight=np.ones(256, np.float32))
    found = inspect(folder)
    assert [summary.type for summary in found.dtypes] == ["BF16", "F32"]
    assert [summary.tensors for summary in found.dtypes] == [len(found.tensors) - 1, 1]
    assert list(found.files) == [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
    assert {tensor.file for tensor in found.tensors} == set(found.files)


def test_a_single_file(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    one, whole = inspect(folder / "model.safetensors"), inspect(folder)
    assert one.tensors == whole.tensors
    assert one.conversion == whole.conversion
    assert one.name == whole.name == folder.name


def test_an_unknown_class(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    file_choices.edit(
        folder / "config.json", lambda config: config.update(architectures=["UnheardForCausalLM"])
    )
    found = inspect(folder)
    assert (found.model_class, found.architecture) == ("UnheardForCausalLM", None)
    assert found.conversion is None
    assert found.problem is not None
    with pytest.raises(InputError) as caught:
        quantcli.plan(folder, USUAL_PRESET)
    problem = found.problem
    assert (problem.message, problem.where, problem.hint) == (
        caught.value.message,
        caught.value.where,
        caught.value.hint,
    )
    # What does not depend on the class is there all the same.
    assert found.weights > 0
    assert found.tokenizer is not None
    assert found.tokenizer.model == "gpt2"


def test_a_quantized_checkpoint_s_tensors_are_shown(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    name = "model__layers__0__self_attn__q_proj__qweight"
    file_choices.store(folder, "model.safetensors", **{name: np.ones((8, 8), np.int32)})
    found = inspect(folder)
    assert "I32" in {summary.type for summary in found.dtypes}
    assert found.problem is not None
    assert "quantized already" in found.problem.message
    assert found.architecture == "llama"


@pytest.mark.parametrize(
    "files, message",
    [
        (("adapter_config.json", "adapter_model.safetensors"), "a LoRA adapter"),
        (("pytorch_model.bin", "config.json"), "pickled weights only"),
        (("m.gguf",), "GGUF files only"),
        (("tokenizer.json",), "a tokenizer only"),
        (("model.safetensors", "config.json"), "header length"),
    ],
)
def test_folders_without_a_model(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    for file in files:
        (tmp_path / file).write_text("{}" if file.endswith(".json") else "", encoding="utf-8")
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "cannot be converted: " in done.stdout
    assert message in done.stdout
    found = inspect(tmp_path)
    assert set(found.files) == set(files)
    assert (found.tensors, found.weights, found.conversion) == ((), 0, None)


def test_what_is_nothing_at_all(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="the folder is empty"):
        quantcli.inspect(tmp_path)
    with pytest.raises(CheckpointError, match="no such file or folder"):
        quantcli.inspect(tmp_path / "gone")
    (tmp_path / "model-00001-of-00002.safetensors").touch()
    with pytest.raises(CheckpointError, match="shard 1 of 2"):
        quantcli.inspect(tmp_path / "model-00001-of-00002.safetensors")
    assert run(tmp_path / "gone").returncode == 3
    hub = run("org-that-is-not-here/name")
    assert hub.returncode == 3
    assert "hf download org-that-is-not-here/name --local-dir name" in hub.stderr


def test_the_command_shows_it(make_tiny: Make, tmp_path: Path) -> None:
    folder = make_tiny("llama").rename(tmp_path / "my model")
    (folder / "README.md").write_text("---\nlicense: [mit\n---\n", encoding="utf-8")
    done = run(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    found = inspect(folder)
    made = found.conversion
    assert made is not None
    for part in (
        "model          my model",
        "class          LlamaForCausalLM (llama)",
        "file           model.safetensors",
        "tokenizer      'gpt2', pre-tokenizer 'llama-bpe'",
        "note: README.md is left aside: line 3",
        f"{USUAL_PRESET} would take {made.size:,} bytes",
        f"quantcli convert '{folder}' -t {USUAL_PRESET}",
    ):
        assert part in done.stdout
    assert "model.norm.weight" not in done.stdout
    listed = run(folder, "--tensors").stdout
    assert "model.norm.weight" in listed
    assert all(tensor.name in listed for tensor in found.tensors)


def test_as_json(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    record = json.loads(run(folder, "--json").stdout)
    assert record == json.loads(inspect(folder).to_json())
    assert (record["format"], record["kind"]) == (1, "checkpoint")


def test_a_key_is_a_file_s(make_tiny: Make) -> None:
    done = run(make_tiny("llama"), "--key", "general.name")
    assert done.returncode == 2
    assert "--key looks into GGUF files" in done.stderr


def test_many_files_are_counted(tmp_path: Path) -> None:
    for i in range(30):
        (tmp_path / f"pytorch_model-{i:05d}.bin").write_bytes(bytes(100))
    out = run(tmp_path).stdout
    assert "… and 22 more, 2.2 kB" in out
    assert out.count("file  ") == 9
