"""Dense layers of a sentence-transformers folder, whose weights lie in folders of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from quantcli.checkpoint import open_checkpoint
from quantcli.errors import CheckpointError

TYPE = "sentence_transformers.models.Dense"


def with_dense(root: Path, *paths: str) -> Path:
    """Add dense layers to a checkpoint's folder, each of other numbers."""
    modules = [{"idx": i, "type": TYPE, "path": path} for i, path in enumerate(paths)]
    (root / "modules.json").write_text(json.dumps(modules))
    for i, path in enumerate(paths):
        (root / path).mkdir(parents=True, exist_ok=True)
        weight = np.full((3, 4), i, np.float32)
        save_file({"linear.weight": weight}, root / path / "model.safetensors")
    return root


def test_their_tensors_are_told_apart_by_the_folder(make_tiny: Callable[..., Path]) -> None:
    checkpoint = open_checkpoint(with_dense(make_tiny("bert"), "2_Dense", "3_Dense"))
    names = [name for name in checkpoint.names() if "Dense" in name]
    assert names == ["2_Dense.linear.weight", "3_Dense.linear.weight"]
    for i, name in enumerate(names):
        assert np.array_equal(checkpoint.rows(name, 0, 3), np.full((3, 4), i, np.float32))
    assert "3_Dense/model.safetensors" in checkpoint.files


@pytest.mark.parametrize("path", ["../other", "a/b", ""])
def test_a_path_out_of_the_folder_or_deeper_is_not_read(
    make_tiny: Callable[..., Path], path: str
) -> None:
    root = make_tiny("bert")
    before = open_checkpoint(root).names()
    modules = [{"idx": 0, "type": TYPE, "path": path}]
    (root / "modules.json").write_text(json.dumps(modules))
    assert open_checkpoint(root).names() == before


def test_a_truncated_file_is_named(make_tiny: Callable[..., Path]) -> None:
    root = with_dense(make_tiny("bert"), "2_Dense")
    file = root / "2_Dense" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match=r"2_Dense/model\.safetensors"):
        open_checkpoint(root)
