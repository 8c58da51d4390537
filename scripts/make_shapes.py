#!/usr/bin/env python3
"""Write a checkpoint of the shapes of a known model, its weights all zero and taking no space.

    python scripts/make_shapes.py llama-3.2-1b --out Llama-3.2-1B-Instruct

What `quantcli plan` says of it is what it says of the real model: names, shapes and configuration
are the published ones. Only the tokenizer is a stand-in, with as many tokens and merges and the
same special tokens; it makes up about 8 MB of a file, so that sizes are within 0.2 % of the real
ones. The weights are a hole in a sparse file. The documents' figures for large models come from
here, without a download.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

VOCABULARY = 128_256
PLAIN_TOKENS = 128_000
MERGES = 280_147
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
NAMED_SPECIAL = {
    0: "<|begin_of_text|>",
    1: "<|end_of_text|>",
    6: "<|start_header_id|>",
    7: "<|end_header_id|>",
    8: "<|eom_id|>",
    9: "<|eot_id|>",
}
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Llama:
    """The published dimensions of a Llama 3 model."""

    layers: int
    width: int
    hidden: int
    heads: int
    heads_kv: int
    tied: bool
    rope_factor: float

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the checkpoint's tensors, outermost dimension first."""
        narrow = self.heads_kv * self.width // self.heads
        block: dict[str, tuple[int, ...]] = {
            "input_layernorm": (self.width,),
            "mlp.down_proj": (self.width, self.hidden),
            "mlp.gate_proj": (self.hidden, self.width),
            "mlp.up_proj": (self.hidden, self.width),
            "post_attention_layernorm": (self.width,),
            "self_attn.k_proj": (narrow, self.width),
            "self_attn.o_proj": (self.width, self.width),
            "self_attn.q_proj": (self.width, self.width),
            "self_attn.v_proj": (narrow, self.width),
        }
        shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (VOCABULARY, self.width)}
        for layer in range(self.layers):
            shapes |= {f"model.layers.{layer}.{name}.weight": s for name, s in block.items()}
        shapes["model.norm.weight"] = (self.width,)
        return shapes if self.tied else shapes | {"lm_head.weight": (VOCABULARY, self.width)}

    def config(self) -> dict[str, Any]:
        """Return config.json."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": PLAIN_TOKENS,
            "eos_token_id": [PLAIN_TOKENS + 1, PLAIN_TOKENS + 8, PLAIN_TOKENS + 9],
            "head_dim": self.width // self.heads,
            "hidden_act": "silu",
            "hidden_size": self.width,
            "initializer_range": 0.02,
            "intermediate_size": self.hidden,
            "max_position_embeddings": 131_072,
            "mlp_bias": False,
            "model_type": "llama",
            "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers,
            "num_key_value_heads": self.heads_kv,
            "pretraining_tp": 1,
            "rms_norm_eps": 1e-05,
            "rope_scaling": {
                "factor": self.rope_factor,
                "high_freq_factor": 4.0,
                "low_freq_factor": 1.0,
                "original_max_position_embeddings": 8192,
                "rope_type": "llama3",
            },
            "rope_theta": 500_000.0,
            "tie_word_embeddings": self.tied,
            "torch_dtype": "bfloat16",
            "use_cache": True,
            "vocab_size": VOCABULARY,
        }


MODELS = {
    "llama-3.2-1b": Llama(16, 2048, 8192, 32, 8, tied=True, rope_factor=32.0),
    "llama-3.1-8b": Llama(32, 4096, 14_336, 32, 8, tied=False, rope_factor=8.0),
}


def words() -> Iterator[str]:
    """Yield the tokens that merges make, shorter first: up to four syllables, then after a space.

    Syllables are vowels and three consonants, so that no text is written in two ways.
    """
    syllables = [*"aeiouy", *(f"{first}{second}h" for first in "bcdgpt" for second in "lr")]
    for before in ("", "Ġ"):
        for length in range(1, 5):
            for parts in itertools.product(syllables, repeat=length):
                yield before + "".join(parts)


def added_tokens() -> list[dict[str, Any]]:
    """Return the 256 special tokens."""
    names = {n: f"<|reserved_special_token_{n}|>" for n in range(256)} | NAMED_SPECIAL
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return [
        {"id": PLAIN_TOKENS + n, "content": content, "special": True} | flags
        for n, content in sorted(names.items())
    ]


def post_processor() -> dict[str, Any]:
    """Return the step that puts the first special token before every text."""
    name = NAMED_SPECIAL[0]
    first: dict[str, Any] = {"SpecialToken": {"id": name, "type_id": 0}}
    text, second = ({"Sequence": {"id": each, "type_id": n}} for n, each in enumerate("AB"))
    return {
        "type": "TemplateProcessing",
        "single": [first, text],
        "pair": [first, text, second],
        "special_tokens": {name: {"id": name, "ids": [PLAIN_TOKENS], "tokens": [name]}},
    }


def bpe() -> dict[str, Any]:
    """Return vocabulary and merges: the bytes' letters, and words with every way to merge them."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(byte) for byte in plain] + [chr(256 + n) for n in range(256 - len(plain))]
    made = list(itertools.islice((word for word in words() if len(word) > 1), PLAIN_TOKENS - 256))
    vocabulary = {text: number for number, text in enumerate([*letters, *made])}
    splits = (
        f"{text[:cut]} {text[cut:]}"
        for text in made
        for cut in range(1, len(text))
        if text[:cut] in vocabulary and text[cut:] in vocabulary
    )
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": True,
        "vocab": vocabulary,
        "merges": list(itertools.islice(splits, MERGES)),
    }


@cache
def tokenizer() -> str:
    """Return a tokenizer.json as large as Llama 3's."""
    split = {"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Isolated", "invert": False}
    steps = [split, BYTE_LEVEL | {"use_regex": False}]
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": added_tokens(),
            "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
            "post_processor": post_processor(),
            "decoder": BYTE_LEVEL | {"use_regex": True},
            "model": bpe(),
        }
    )


def write_weights(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """Write a safetensors file of BF16 zeros that takes no space where files may be sparse."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape in shapes.items():
        end = offset + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + offset)


def build(name: str, out: Path) -> Path:
    """Write the checkpoint of MODELS[name] into the folder `out`, and return it."""
    model = MODELS[name]
    out.mkdir(parents=True, exist_ok=True)
    settings = {
        "bos_token": NAMED_SPECIAL[0],
        "eos_token": NAMED_SPECIAL[9],
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": True,
        "model_max_length": 131_072,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    (out / "config.json").write_text(json.dumps(model.config()), encoding="utf-8")
    (out / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    (out / "tokenizer.json").write_text(tokenizer(), encoding="utf-8")
    write_weights(out / "model.safetensors", model.shapes())
    return out


def main() -> None:
    """Parse the command line and write the folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("model", choices=sorted(MODELS))
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    print(build(options.model, options.out))


if __name__ == "__main__":
    main()
