"""Quantized, adapters, empty: the tensors decide, not what config.json says of them."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import file_choices
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import quantcli
from quantcli.checkpoint import open_checkpoint
from quantcli.errors import CheckpointError

Make = Callable[..., Path]
STEM = "model.layers.0.self_attn.q_proj"
SIZES = {"F8_E4M3": 1, "U8": 1, "I8": 1, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "F32": 4}


def write(folder: Path, tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
    """Write model.safetensors of zeros, of dtypes that numpy does not have, too."""
    header, position = {}, 0
    for name, (dtype, shape) in tensors.items():
        nbytes = SIZES[dtype] * int(np.prod(shape))
        header[name] = {
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [position, position + nbytes],
        }
        position += nbytes
    text = json.dumps(header).encode()
    data = struct.pack("<Q", len(text)) + text + bytes(position)
    (folder / "model.safetensors").write_bytes(data)


def configure(folder: Path, **fields: Any) -> None:
    file_choices.edit(folder / "config.json", lambda config: config.update(fields))


def refusal(folder: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(folder)
    assert caught.value.where == str(folder)
    return caught.value


Q, BYTES, PLAIN = ("I32", (8, 8)), ("U8", (64, 1)), ("BF16", (8, 8))
# What each quantizer stores for a matrix, the method its config names, and what it is called.
QUANTIZED: dict[str, tuple[dict[str, tuple[str, tuple[int, ...]]], str | None, str]] = {
    "GPTQ": ({"qweight": Q, "qzeros": Q, "scales": PLAIN, "g_idx": ("I32", (8,))}, "gptq", "GPTQ"),
    "GPTQ, no config": ({"qweight": Q, "qzeros": Q, "g_idx": ("I32", (8,))}, None, "GPTQ"),
    "AWQ": ({"qweight": Q, "qzeros": Q, "scales": PLAIN}, "awq", "AWQ"),
    "AWQ, no config": ({"qweight": Q, "qzeros": Q, "scales": PLAIN}, None, "AWQ"),
    "AutoRound": ({"qweight": Q, "qzeros": Q, "scales": PLAIN}, "auto-round", "AutoRound"),
    "FP8": ({"weight": ("F8_E4M3", (8, 8)), "weight_scale_inv": ("F32", (1, 1))}, "fp8", "FP8"),
    "FP8, no config": ({"weight_scale_inv": ("F32", (1, 1))}, None, "FP8"),
    "FBGEMM": ({"weight": ("F8_E4M3", (8, 8)), "weight_scale": PLAIN}, "fbgemm_fp8", "FBGEMM FP8"),
    "bitsandbytes NF4": (
        {
            "weight": BYTES,
            "weight.absmax": ("F32", (4,)),
            "weight.quant_map": ("F32", (16,)),
            "weight.quant_state.bitsandbytes__nf4": BYTES,
        },
        "bitsandbytes",
        "bitsandbytes",
    ),
    "bitsandbytes 8 bit": ({"weight": ("I8", (8, 8)), "SCB": ("F32", (8,))}, None, "bitsandbytes"),
    "compressed-tensors": (
        {"weight_packed": Q, "weight_scale": PLAIN, "weight_shape": ("I32", (2,))},
        "compressed-tensors",
        "compressed-tensors",
    ),
    "ModelOpt": (
        {"weight": BYTES, "weight_scale": BYTES, "weight_scale_2": ("F32", (1,))},
        "modelopt",
        "ModelOpt",
    ),
    "HQQ": ({"W_q": BYTES, "scale": PLAIN, "zero": PLAIN}, "hqq", "HQQ"),
    "MXFP4": ({"gate_up_proj_blocks": BYTES, "gate_up_proj_scales": BYTES}, "mxfp4", "MXFP4"),
    "BitNet": ({"weight": BYTES, "weight_scale": ("BF16", (1,))}, "bitnet", "BitNet"),
    "Quanto": ({"weight._data": ("I8", (8, 8)), "weight._scale": PLAIN}, "quanto", "Quanto"),
    "AQLM": ({"codes": ("I8", (8, 8)), "codebooks": PLAIN, "scales": PLAIN}, "aqlm", "AQLM"),
    "MLX": ({"weight": ("U32", (8, 1)), "scales": PLAIN, "biases": PLAIN}, "mlx", "MLX"),
    "a method of tomorrow": ({"weight": ("I8", (8, 8))}, "newquant", "newquant"),
}


@pytest.mark.parametrize("name", sorted(QUANTIZED))
def test_quantized_checkpoints(make_tiny: Make, name: str) -> None:
    parts, method, called = QUANTIZED[name]
    folder = make_tiny("llama")
    if method == "mlx":
        configure(folder, quantization={"group_size": 64, "bits": 4})
    elif method is not None:
        configure(folder, quantization_config={"quant_method": method})
    write(
        folder,
        {f"{STEM}.{part}": facts for part, facts in parts.items()} | {"model.norm.weight": PLAIN},
    )
    error = refusal(folder)
    assert f"quantized already ({called})" in error.message
    assert f"'{STEM}." in error.message
    assert "F64, F32, F16, BF16" in error.message
    assert "Convert the original, unquantized model" in str(error.hint)
    assert len(str(error).splitlines()) <= 5


def test_packed_matrices_of_no_known_kind(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    write(folder, {f"{STEM}.weight": ("F8_E4M3", (8, 8))})
    assert f"a quantized checkpoint: '{STEM}.weight' (F8_E4M3)" in refusal(folder).message


def test_many_tensors_are_one_line(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    write(folder, {f"model.layers.{i}.mlp.up_proj.qweight": Q for i in range(300)})
    message = refusal(folder).message
    assert "'model.layers.0.mlp.up_proj.qweight' and 299 more tensors (I32)" in message
    assert "\n" not in message


@pytest.mark.parametrize("method", ["fp8", "mxfp4"])
def test_what_transformers_can_restore_is_said(make_tiny: Make, method: str) -> None:
    folder = make_tiny("llama")
    parts = {"fp8": f"{STEM}.weight_scale_inv", "mxfp4": "model.layers.0.mlp.gate_up_proj_blocks"}
    write(folder, {parts[method]: BYTES})
    hint = str(refusal(folder).hint)
    assert "dequantize=True" in hint
    assert "save_pretrained('tiny-llama-BF16')" in hint


@pytest.mark.parametrize("file", ["quantize_config.json", "quant_config.json"])
def test_old_tools_have_a_file_of_their_own(make_tiny: Make, file: str) -> None:
    folder = make_tiny("llama")
    (folder / file).write_text('{"bits": 4, "zero_point": true}', encoding="utf-8")
    write(folder, {f"{STEM}.qweight": Q})
    assert "quantized already (AWQ)" in refusal(folder).message


@pytest.mark.parametrize(
    "flag", [{"quant_method": "bitsandbytes", "load_in_4bit": True}, {"bits": 4}]
)
def test_plain_tensors_are_taken_whatever_the_config_says(
    make_tiny: Make, flag: dict[str, Any]
) -> None:
    """A model merged after QLoRA keeps the quantization_config of its training."""
    folder = make_tiny("llama")
    plain = quantcli.plan(folder, "F32").steps
    configure(folder, quantization_config=flag)
    checkpoint = open_checkpoint(folder)
    (note,) = checkpoint.notes
    assert "config.json says the weights are quantized" in note
    assert note.endswith("but they are stored as F32: taken as they are")
    assert quantcli.plan(folder, "F32").steps == plain


def test_buffers_of_integers_are_no_quantization(make_tiny: Make) -> None:
    """Masks and position ids of old checkpoints, as bytes, booleans, integers and scalars."""
    folder = make_tiny("llama")
    tensors = load_file(folder / "model.safetensors")
    tensors |= {
        "model.layers.0.attn.bias": np.ones((1, 1, 4, 4), np.uint8),
        "model.causal_mask": np.ones((4, 4), np.bool_),
        "model.embeddings.position_ids": np.arange(4, dtype=np.int64)[None],
        "model.num_batches_tracked": np.array(3, np.int64),
    }
    save_file(tensors, folder / "model.safetensors")
    checkpoint = open_checkpoint(folder)
    assert checkpoint.notes == ()
    assert checkpoint.ref("model.num_batches_tracked").shape == ()
    assert checkpoint.ref("model.causal_mask").dtype == "BOOL"


# ----------------------------------------------------------------------------------- adapters
def test_a_file_of_adapter_tensors(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    stem = f"base_model.model.{STEM}"
    write(folder, {f"{stem}.lora_A.weight": PLAIN, f"{stem}.lora_B.weight": PLAIN})
    error = refusal(folder)
    assert "a LoRA adapter, no model" in error.message
    assert "merge_and_unload" in str(error.hint)


def test_an_adapter_that_is_not_merged(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    stem = f"base_model.model.{STEM}"
    file_choices.store(
        folder,
        "model.safetensors",
        **{
            f"{stem}.{part}".replace(".", "__"): np.ones((2, 2), np.float32)
            for part in ("base_layer.weight", "lora_A.default.weight", "lora_B.default.weight")
        },
    )
    error = refusal(folder)
    assert "a model with a LoRA adapter that is not merged" in error.message
    assert f"'{stem}." in error.message


# -------------------------------------------------------------------------------------- empty
@pytest.mark.parametrize("keep", ["norms", "nothing", "all but one"])
def test_tensors_without_elements(make_tiny: Make, keep: str) -> None:
    """DeepSpeed ZeRO-3 saved without gathering: parameters are left as they were partitioned."""
    folder = make_tiny("llama")
    tensors = load_file(folder / "model.safetensors")
    last = list(tensors)[-1]
    kept = {"norms": lambda n, v: v.ndim == 1, "nothing": lambda n, v: False}.get(
        keep, lambda n, v: n != last
    )
    empty = {n: v if kept(n, v) else np.zeros(0, v.dtype) for n, v in tensors.items()}
    save_file(empty, folder / "model.safetensors")
    count = sum(value.size == 0 for value in empty.values())
    error = refusal(folder)
    assert f"{count} of {len(tensors)} tensors have no elements" in error.message
    assert "DeepSpeed ZeRO-3" in error.message
    assert "zero_to_fp32.py" in str(error.hint)
    assert "stage3_gather_16bit_weights_on_model_save" in str(error.hint)
    assert "\n" not in error.message


def test_empty_states_of_modules_are_harmless(make_tiny: Make) -> None:
    folder = make_tiny("llama")
    file_choices.store(
        folder, "model.safetensors", model__norm___extra_state=np.zeros(0, np.float32)
    )
    assert open_checkpoint(folder).ref("model.norm._extra_state").nbytes == 0


def test_weights_that_are_not_finite_are_named_with_their_place(
    make_tiny: Make, tmp_path: Path
) -> None:
    folder = make_tiny("llama")
    tensors = load_file(folder / "model.safetensors")
    name = "model.layers.1.mlp.down_proj.weight"
    tensors[name][3, 5], tensors[name][7, :] = np.nan, np.inf
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(quantcli.QuantcliError) as caught:
        quantcli.convert(folder, "Q8_0", tmp_path / "out.gguf", jobs=1)
    assert "blk.1.ffn_down.weight" in str(caught.value)
    assert f"{1 + tensors[name].shape[1]} weights" in str(caught.value)
    assert "row 3, column 5" in str(caught.value)
