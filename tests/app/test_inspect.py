"""inspect shows what is in the file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import gguf
import pytest
import tiny

import quantcli
from quantcli.container.header import build_header
from quantcli.container.reader import Metadata
from quantcli.errors import CheckpointError, ContainerError


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inspect")
    model = tiny.write_tiny("llama", folder / "model", size=tiny.WIDE)
    quantcli.convert(model, "Q4_K_M", folder / "m.gguf", jobs=1)
    return folder / "m.gguf"


def test_it_agrees_with_the_gguf_library(file: Path) -> None:
    found, oracle = quantcli.inspect(file), gguf.GGUFReader(file)
    assert found.size == file.stat().st_size
    assert (found.version, found.alignment, found.data_start) == (3, 32, oracle.data_offset)
    stored = {n: entry for n, entry in oracle.fields.items() if not n.startswith("GGUF.")}
    assert list(found.metadata) == list(found.metadata_types) == list(stored)
    for key, value in found.metadata.items():
        contents = stored[key].contents()
        assert value == (tuple(contents) if isinstance(contents, list) else contents)
        assert found.metadata_types[key].rpartition(":")[2] == stored[key].types[-1].name.lower()
    assert [(t.name, t.type, t.offset, t.nbytes) for t in found.tensors] == [
        (t.name, t.tensor_type.name, t.data_offset, t.n_bytes) for t in oracle.tensors
    ]
    weights = sum(int(t.n_elements) for t in oracle.tensors)
    assert found.weights == weights
    assert found.bits_per_weight == 8 * sum(t.n_bytes for t in oracle.tensors) / weights


def test_types_add_up(file: Path) -> None:
    found = quantcli.inspect(file)
    assert {summary.type for summary in found.types} == {"F32", "Q4_K", "Q6_K"}
    assert sum(summary.tensors for summary in found.types) == len(found.tensors)
    assert sum(summary.weights for summary in found.types) == found.weights
    sizes = [summary.nbytes for summary in found.types]
    assert sizes == sorted(sizes, reverse=True)


def test_the_tokenizer(file: Path) -> None:
    found = quantcli.inspect(file).tokenizer
    assert found is not None
    config = json.loads((file.parent / "model" / "tokenizer_config.json").read_text())
    assert (found.model, found.pre) == ("gpt2", "llama-bpe")
    assert found.special["bos"][1] == config["bos_token"]
    assert found.special["eos"][1] == config["eos_token"]
    assert found.chat_template == len(config["chat_template"])
    tokenizer = json.loads((file.parent / "model" / "tokenizer.json").read_text())
    assert found.merges == len(tokenizer["model"]["merges"])
    config = json.loads((file.parent / "model" / "config.json").read_text())
    assert found.size == config["vocab_size"]


def test_a_file_without_anything(tmp_path: Path) -> None:
    (tmp_path / "e.gguf").write_bytes(build_header([], []).data)
    found = quantcli.inspect(tmp_path / "e.gguf")
    assert (found.metadata, found.tensors, found.tokenizer, found.weights) == ({}, (), None, 0)
    assert found.architecture is None
    done = run(tmp_path / "e.gguf")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_special_token_beyond_the_vocabulary(tmp_path: Path) -> None:
    entries = [
        Metadata("tokenizer.ggml.model", "string", "gpt2"),
        Metadata("tokenizer.ggml.tokens", "array:string", ("a",)),
        Metadata("tokenizer.ggml.eos_token_id", "uint32", 7),
    ]
    (tmp_path / "t.gguf").write_bytes(build_header(entries, []).data)
    found = quantcli.inspect(tmp_path / "t.gguf").tokenizer
    assert found is not None
    assert found.special == {"eos": (7, None)}
    assert found.chat_template is None


def test_no_gguf_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("not a model")
    with pytest.raises(ContainerError, match="starts with b'not '"):
        quantcli.inspect(tmp_path / "x")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quantcli", "inspect", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_in_a_pipe_is_plain_text(file: Path) -> None:
    done = run(file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert any(line.split()[:3] == ["llama.block_count", "uint32", "2"] for line in lines)
    assert any(line.startswith("bos ") and "'<|begin|>'" in line for line in lines)
    assert f" {file.stat().st_size:,} bytes ({file.stat().st_size / 1e3:.1f} kB)" in lines[-1]
    assert "blk.0.attn_q.weight" not in done.stdout
    listed = run(file, "--tensors").stdout
    assert "blk.0.attn_q.weight" in listed
    assert "256 × 256" in listed


def test_the_command_as_json(file: Path) -> None:
    record = json.loads(run(file, "--json").stdout)
    assert record == json.loads(quantcli.inspect(file).to_json())
    assert (record["format"], record["kind"], record["architecture"]) == (1, "gguf", "llama")
    oracle = gguf.GGUFReader(file)
    tokens = record["metadata"]["tokenizer.ggml.tokens"]
    assert tokens == oracle.fields["tokenizer.ggml.tokens"].contents()
    assert record["metadata_types"]["tokenizer.ggml.tokens"] == "array:string"


def test_numbers_that_are_not_finite_are_valid_json(tmp_path: Path) -> None:
    numbers = (float("nan"), float("inf"), -float("inf"), 0.5)
    entries = [Metadata("a.numbers", "array:float32", numbers)]
    (tmp_path / "n.gguf").write_bytes(build_header(entries, []).data)
    text = run(tmp_path / "n.gguf", "--json").stdout

    def refuse(name: str) -> None:
        raise AssertionError(name)

    record = json.loads(text, parse_constant=refuse)
    assert record["metadata"]["a.numbers"] == ["NaN", "Infinity", "-Infinity", 0.5]


def test_one_key_is_printed_whole(file: Path) -> None:
    oracle = gguf.GGUFReader(file)

    def stored(key: str) -> object:
        return oracle.fields[key].contents()

    template = "tokenizer.chat_template"
    assert run(file, "--key", template).stdout == f"{stored(template)}\n"
    assert run(file, "--key", "llama.block_count").stdout == "2\n"
    assert run(file, "--key", "tokenizer.ggml.add_bos_token").stdout in {"true\n", "false\n"}
    lines = run(file, "--key", "tokenizer.ggml.tokens").stdout.splitlines()
    assert [json.loads(line) for line in lines] == stored("tokenizer.ggml.tokens")
    numbers = run(file, "--key", "tokenizer.ggml.token_type").stdout.split()
    assert [int(number) for number in numbers] == stored("tokenizer.ggml.token_type")
    as_json = run(file, "--key", "tokenizer.ggml.tokens", "--json").stdout
    assert json.loads(as_json) == stored("tokenizer.ggml.tokens")


def test_a_value_arrives_as_it_is(tmp_path: Path) -> None:
    text = "{% if x %}\n\t[bold]é\x1b[31m{% endif %}\r\n"
    entries = [Metadata("a.text", "string", text), Metadata("a.float", "float32", 0.1)]
    (tmp_path / "v.gguf").write_bytes(build_header(entries, []).data)
    command = [sys.executable, "-m", "quantcli", "inspect", tmp_path / "v.gguf", "--key", "a.text"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert done.stdout == f"{text}\n".encode()
    assert float(run(tmp_path / "v.gguf", "--key", "a.float").stdout) == pytest.approx(0.1)


def test_a_key_that_is_not_there(file: Path) -> None:
    done = run(file, "--key", "general.nam")
    assert (done.returncode, done.stdout) == (3, "")
    assert "has no key 'general.nam'" in done.stderr
    assert "Did you mean general.name?" in done.stderr
    assert run(file, "--key", "general.name", "--tensors").returncode == 2
    far = run(file, "--key", "zzz")
    assert "lists the keys" in far.stderr


def test_what_is_no_gguf_file_is_told(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n"
    (tmp_path / "m.gguf").write_text(pointer, encoding="utf-8")
    with pytest.raises(CheckpointError, match="Git LFS pointers"):
        quantcli.inspect(tmp_path / "m.gguf")
    with pytest.raises(CheckpointError, match="no such file or folder") as caught:
        quantcli.inspect(tmp_path / "m.ggfu")
    assert f"Did you mean {tmp_path / 'm.gguf'}?" in str(caught.value)


def test_hostile_names_reach_no_terminal(tmp_path: Path) -> None:
    entries = [Metadata("k\x1b[2J[bold]", "string", "v\x1b[31m[red]")]
    header = build_header(entries, [("t\x1b[2J", (1,), 0, 4)])
    (tmp_path / "h.gguf").write_bytes(header.data.ljust(header.size, b"\0"))
    done = run(tmp_path / "h.gguf", "--tensors")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "[bold]" in done.stdout
    assert "[red]" in done.stdout
    assert run(tmp_path / "x.gguf").returncode == 3
