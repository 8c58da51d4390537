"""What docs/special-inputs.md says every type does with zeros, outliers, NaN and the like."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny
from hostile_blocks import limit
from safetensors.numpy import load_file, save_file
from samples import bell, importance, tails

from quantcli import codec
from quantcli.evaluate.bounds import BOUNDS

MakeTiny = Callable[..., Path]

BLOCKS = [name for name in codec.names() if codec.get(name).block > 1]
VALUES = [name for name in codec.names() if codec.get(name).block == 1]
PAGE = Path(__file__).parents[2] / "docs" / "special-inputs.md"

# Of an outlier among 127 small values, Q1_0 can keep the sign only. In a group of IQ2 no value is
# zero: beside an outlier of 43 the others are at least 8, and least squares gives 43²/(43² + 31·8²)
# of it for groups of 32, 43²/(43² + 15·8²) for groups of 16, less where its column matters less.
OUTLIER_LOSS = {"Q1_0": 1.0, "IQ2_XXS": 0.6, "IQ2_XS": 0.45, "IQ2_S": 0.45}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("effort", codec.EFFORTS)
@pytest.mark.parametrize("name", BLOCKS)
def test_zeros_denormals_and_an_outlier(name: str, effort: str, weighted: bool) -> None:
    q = importance(256, 7) if weighted else None
    x = tails(6, 256, 8)
    x[0] = 0
    x[1] = -0.0
    x[2] = 1e-39  # far below the smallest scale
    x[3] = np.float32(1e-45)
    outlier = min(1e4, limit(codec.get(name)))
    x[4, 17] = outlier
    kind = codec.get(name)
    data = kind.encode_rows(x, q, effort=effort)
    back = kind.decode_rows(data)
    assert kind.invalid_blocks(data) == 0
    assert np.abs(back[:4]).max() <= 1e-30
    assert abs(back[4, 17] - outlier) <= OUTLIER_LOSS.get(name, 0.4) * outlier


@pytest.mark.parametrize("effort", codec.EFFORTS)
@pytest.mark.parametrize("name", BLOCKS)
def test_minus_zero_counts_as_zero(name: str, effort: str) -> None:
    x = np.abs(bell(8, 256, 12))
    x[::2] *= -1  # where all values are of one sign, a zero may be the smallest or the largest
    x[bell(8, 256, 13) > 0] = 0
    negative = np.where(x == 0, np.float32(-0.0), x)
    positive = np.where(x == 0, np.float32(0), x)
    kind = codec.get(name)
    encoded = kind.encode_rows(positive, effort=effort)
    assert np.array_equal(kind.encode_rows(negative, effort=effort), encoded)


@pytest.mark.parametrize("effort", codec.EFFORTS)
@pytest.mark.parametrize("name", BLOCKS)
def test_nothing_but_zeros_of_both_signs(name: str, effort: str) -> None:
    kind = codec.get(name)
    x = np.where(bell(8, 256, 14) > 0, np.float32(0), np.float32(-0.0))
    assert not kind.decode_rows(kind.encode_rows(x, effort=effort)).any()


@pytest.mark.parametrize("name", VALUES)
def test_types_without_blocks_keep_nan_infinity_and_minus_zero(name: str) -> None:
    x = np.array([[np.nan, np.inf, -np.inf, 1.5, -0.0]], np.float32)
    kind = codec.get(name)
    data = kind.encode_rows(x)
    back = kind.decode_rows(data)
    assert np.array_equal(back, x, equal_nan=True)
    assert np.signbit(back[0, 4])
    assert kind.invalid_blocks(data) == 3


@pytest.mark.parametrize("name, shift, quiet", [("F16", 13, 0x7E00), ("BF16", 16, 0x7FC0)])
def test_nan_becomes_quiet_and_keeps_its_sign_and_payload(
    name: str, shift: int, quiet: int
) -> None:
    bits = np.array([0x7F800001, 0xFF800001, 0x7FA00000, 0xFFEDCBA9], np.uint32)
    kind = codec.get(name)
    stored = kind.encode_rows(bits.view(np.float32)[None]).view(np.uint16)[0]
    fraction = (bits & 0x7FFFFF) >> shift
    assert stored.tolist() == ((bits >> 16) & 0x8000 | quiet | fraction).tolist()


@pytest.mark.parametrize("name", BLOCKS)
def test_nan_and_infinity_count_as_zero(name: str) -> None:
    x = bell(2, 256, 10)
    clean = x.copy()
    x[1, [3, 70, 200]] = np.nan, np.inf, -np.inf
    clean[1, [3, 70, 200]] = 0
    kind = codec.get(name)
    assert np.array_equal(kind.encode_rows(x), kind.encode_rows(clean))


# Relative RMSE of blocks of one value. Elsewhere a scale times a code is that value but for the
# rounding of the float16 scale. MXFP4's scales are powers of two and 4 and 6 the largest codes;
# NVFP4's have three bits of fraction; the points of these lattices are seldom all the same number.
CONSTANT_LOSS = {"MXFP4": 0.25, "NVFP4": 1 / 16, "IQ2_XXS": 0.34, "IQ3_XXS": 0.18, "IQ3_S": 0.17}


@pytest.mark.parametrize("effort", codec.EFFORTS)
@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_of_one_value(name: str, effort: str) -> None:
    x = np.float32([[0.5], [-0.5], [1 / 3], [-77.7], [1000]]).repeat(256, axis=1)
    kind = codec.get(name)
    back = kind.decode_rows(kind.encode_rows(x, effort=effort))
    loss = np.sqrt(np.mean((back.astype(np.float64) / x - 1) ** 2, axis=1))
    assert loss.max() <= CONSTANT_LOSS.get(name, 2.0**-10)


@pytest.mark.parametrize("effort", codec.EFFORTS)
@pytest.mark.parametrize("name", codec.names())
def test_the_largest_value_promised_is_taken(name: str, effort: str) -> None:
    kind, bound = codec.get(name), BOUNDS[name]
    for ends in ((1, 1), (-1, -1), (1, -1), (1, 0), (0, -1)):
        x = np.tile(np.float32(ends) * np.float32(limit(kind)), (1, 128))
        back = kind.decode_rows(kind.encode_rows(x, effort=effort))
        error = np.linalg.norm(back.astype(np.float64) - x)
        assert error <= (bound.block + 1e-6) * np.linalg.norm(x.astype(np.float64))


LIMITED = [name for name in codec.names() if name != "F32"]


@pytest.mark.parametrize("name", LIMITED)
def test_larger_values_name_row_block_and_a_type_that_holds_them(name: str) -> None:
    kind = codec.get(name)
    beyond = [huge for huge in (1e10, 1e13, 3.4e38) if huge > limit(kind)]
    assert beyond
    for huge in beyond:
        x = bell(3, 2 * kind.block, 11)
        x[1, kind.block] = huge
        with pytest.raises(codec.ScaleOverflowError) as caught:
            kind.encode_rows(x)
        assert (caught.value.row, caught.value.block) == (1, 1)
        assert name in str(caught.value)
        assert caught.value.instead in str(caught.value)
        other = codec.get(caught.value.instead)
        largest = min(np.float32(huge), np.float32(limit(other)))
        assert other.decode_rows(other.encode_rows(x.clip(-largest, largest)))[1].max() > huge / 2


@pytest.mark.parametrize("name", codec.names())
def test_the_page_names_every_limit(name: str) -> None:
    """docs/special-inputs.md lists the exceptions, the fuzz holds the encoders to them."""
    line = next(li for li in PAGE.read_text(encoding="utf-8").splitlines() if "promised" in li)
    largest = {"F32": "any", "BF16": "3.39e38", "MXFP4": "2^40", "NVFP4": "2688"}.get(name, "65504")
    assert largest in line


@pytest.mark.parametrize(
    "preset, kind, huge, instead",
    [("Q4_K_M", "Q6_K", 1e9, "BF16"), ("F16", "F16", 1e9, "BF16"), ("BF16", "BF16", 3.4e38, "F32")],
)
def test_the_command_names_the_tensor_and_the_type_to_choose(
    make_tiny: MakeTiny, tmp_path: Path, preset: str, kind: str, huge: float, instead: str
) -> None:
    model, target = make_tiny("llama", size=tiny.WIDE), tmp_path / "target"
    target.mkdir()
    weights = model / "model.safetensors"
    tensors = load_file(weights)
    spoilt = tensors["model.layers.1.mlp.down_proj.weight"].copy()
    spoilt[200, 300] = huge
    save_file(tensors | {"model.layers.1.mlp.down_proj.weight": spoilt}, weights)

    def convert(to: str) -> subprocess.CompletedProcess[str]:
        output = ("-o", str(target / "out.gguf"), "--chunk-weights", "20000")
        call = [sys.executable, "-m", "quantcli", "convert", str(model), "-t", to, *output]
        return subprocess.run(call, capture_output=True, text=True, check=False)

    refused = convert(preset)
    assert refused.returncode == 3
    block = 300 // codec.get(kind).block
    assert f"tensor blk.1.ffn_down.weight: row 200, block {block}: " in refused.stderr
    assert f"choose the type {instead}" in refused.stderr
    assert list(target.iterdir()) == []
    assert convert(instead).returncode == 0
