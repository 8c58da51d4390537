"""Puts an exported tokenizer into the smallest GGUF file that llama.cpp loads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import gguf
import numpy as np

from quantcli.tokenizer import TokenizerExport

WIDTH = 32
_TYPES = {kind.name.lower(): kind for kind in gguf.GGUFValueType}


def _shapes(arch: str, rows: int) -> dict[str, tuple[int, ...]]:
    square, line = (WIDTH, WIDTH), (WIDTH,)
    layer: dict[str, tuple[int, ...]] = {
        f"{name}.weight": square
        for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_up", "ffn_down")
    }
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (rows, WIDTH)}
    if arch == "llama":
        shapes["output_norm.weight"] = line
        layer |= {"ffn_gate.weight": square, "attn_norm.weight": line, "ffn_norm.weight": line}
    else:
        shapes |= {"token_types.weight": (2, WIDTH), "position_embd.weight": (64, WIDTH)}
        shapes |= {"token_embd_norm.weight": line, "token_embd_norm.bias": line}
        layer |= {f"{name.removesuffix('.weight')}.bias": line for name in layer}
        for norm in ("attn_output_norm", "layer_output_norm"):
            layer |= {f"{norm}.weight": line, f"{norm}.bias": line}
    return shapes | {f"blk.0.{name}": shape for name, shape in layer.items()}


def write(export: TokenizerExport, path: Path) -> None:
    """Write a model of one layer with random weights around the tokenizer."""
    write_keys(export.keys, export.size, path)


def write_keys(keys: Iterable[tuple[str, str, object]], size: int, path: Path) -> None:
    """The same from a tokenizer's keys and its number of tokens."""
    keys = list(keys)
    arch = "bert" if ("tokenizer.ggml.model", "string", "bert") in keys else "llama"
    writer = gguf.GGUFWriter(path, arch)
    for name, value in (("context", 64), ("embedding", WIDTH), ("feed_forward", WIDTH)):
        writer.add_uint32(f"{arch}.{name}_length", value)
    writer.add_block_count(1)
    writer.add_head_count(1)
    if arch == "llama":
        writer.add_layer_norm_rms_eps(1e-5)
    else:
        writer.add_layer_norm_eps(1e-5)
        writer.add_causal_attention(False)
        writer.add_uint32("tokenizer.ggml.token_type_count", 2)
        writer.add_pooling_type(gguf.PoolingType.MEAN)
    for key, kind, value in keys:
        if kind.startswith("array:"):
            assert isinstance(value, tuple)
            writer.add_key_value(key, list(value), gguf.GGUFValueType.ARRAY, _TYPES[kind[6:]])
        else:
            writer.add_key_value(key, value, _TYPES[kind])
    rng = np.random.default_rng(0)
    for name, shape in _shapes(arch, size).items():
        writer.add_tensor(name, rng.standard_normal(shape).astype(np.float32) / 50)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
