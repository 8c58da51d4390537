"""What is said to be done with a file, and the Modelfile for Ollama."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

import quantcli
from quantcli.errors import OutputError

MakeTiny = Callable[..., Path]


def without_template(model: Path) -> Path:
    path = model / "tokenizer_config.json"
    config = json.loads(path.read_text())
    del config["chat_template"]
    path.write_text(json.dumps(config))
    return model


def test_the_command_is_right_for_the_kind_of_model(make_tiny: MakeTiny, tmp_path: Path) -> None:
    def programs(model: Path) -> list[str]:
        done = quantcli.convert(model, "Q8_0", tmp_path / "my file.gguf", jobs=1, force=True)
        steps = [shlex.split(step) for step in done.next_steps]
        assert all(step[1:3] == ["-m", str(tmp_path / "my file.gguf")] for step in steps)
        return [" ".join([step[0], *step[3:4]]) for step in steps]

    assert programs(make_tiny("llama")) == ["llama-cli", "llama-server"]
    assert programs(without_template(make_tiny("qwen2"))) == [
        "llama-completion -no-cnv",
        "llama-server",
    ]
    assert programs(make_tiny("bert")) == ["llama-embedding -p", "llama-server --embedding"]


def test_a_modelfile_names_file_stops_and_sampling(make_tiny: MakeTiny, tmp_path: Path) -> None:
    output = tmp_path / "Some Model-Q8_0.gguf"
    done = quantcli.convert(make_tiny("mistral"), "Q8_0", output, jobs=1, modelfile=True)
    path = tmp_path / "Some Model-Q8_0.Modelfile"
    assert done.modelfile == str(path)
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    assert first.startswith("# ")
    assert lines == [
        "FROM ./Some Model-Q8_0.gguf",
        "PARAMETER temperature 0.7",
        "PARAMETER top_k 20",
        "PARAMETER top_p 0.8",
        'PARAMETER stop "<|end|>"',
    ]


def test_an_embedding_model_s_modelfile_has_no_stops(make_tiny: MakeTiny, tmp_path: Path) -> None:
    done = quantcli.convert(make_tiny("bert"), "Q8_0", f"{tmp_path}/", jobs=1, modelfile=True)
    assert done.modelfile is not None
    lines = Path(done.modelfile).read_text(encoding="utf-8").splitlines()
    assert lines[1:] == [f"FROM ./{Path(done.output).name}"]


def test_a_modelfile_of_somebody_else_is_left_alone(make_tiny: MakeTiny, tmp_path: Path) -> None:
    model, output = make_tiny("llama"), tmp_path / "out.gguf"
    theirs = tmp_path / "out.Modelfile"
    theirs.write_text("FROM elsewhere\n")
    with pytest.raises(OutputError, match="not written by quantcli"):
        quantcli.convert(model, "Q8_0", output, jobs=1, modelfile=True)
    assert theirs.read_text() == "FROM elsewhere\n"
    assert not output.exists()
    quantcli.convert(model, "Q8_0", output, jobs=1, modelfile=True, force=True)
    ours = theirs.read_text()
    assert "FROM ./out.gguf" in ours
    # Our own is written again without asking.
    again = quantcli.convert(model, "Q8_0", output, jobs=1, modelfile=True, skip_existing=True)
    assert again.skipped
    assert theirs.read_text() == ours
