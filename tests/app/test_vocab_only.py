"""A file of metadata and vocabulary alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import pytest
from tiny import write_tiny

from quantcli import convert
from quantcli.errors import UsageError


def fields(path: Path) -> dict[str, Any]:
    reader = gguf.GGUFReader(path)
    return {name: field.contents() for name, field in reader.fields.items() if "GGUF." not in name}


@pytest.mark.parametrize("name", ["llama", "bert"])
def test_its_metadata_is_that_of_the_whole_file(name: str, tmp_path: Path) -> None:
    folder = write_tiny(name, tmp_path / "model")
    whole = convert(folder, "F16", tmp_path / "whole.gguf")
    result = convert(folder, output=f"{tmp_path}/", vocab_only=True)
    path = Path(result.output)
    assert path.name == "model-vocab.gguf"
    assert (result.weights, result.next_steps, result.fallbacks) == (0, (), 0)
    assert not gguf.GGUFReader(path).tensors
    assert fields(path) == fields(Path(whole.output))
    # A second time nothing is to be done; another type is only a key.
    assert convert(folder, output=path, vocab_only=True, skip_existing=True).skipped
    other = convert(folder, "Q8_0", tmp_path / "{name}.{type}.gguf", vocab_only=True)
    assert Path(other.output).name == "model.vocab.gguf"
    assert fields(Path(other.output))["general.file_type"] == 7


def test_a_plan_has_decided_already(tmp_path: Path) -> None:
    folder = write_tiny("llama", tmp_path / "model")
    with pytest.raises(UsageError, match="vocab_only"):
        convert(folder, plan=tmp_path / "plan.json", vocab_only=True)
