"""Small tokenizers for the checkpoints, of every kind that quantcli exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tiny
import tokenizer_scenarios as scenarios


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A tokenizer.

    Attributes:
        write: writes its files into a folder and returns the number of tokens.
        pre: llama.cpp's name of its pre-tokenizer.
        plain: (first, last) of a range of ids none of which is special.
    """

    write: Callable[[Path], int]
    pre: str
    plain: tuple[int, int]


def _spm(folder: Path) -> int:
    settings = {
        "tokenizer_class": "LlamaTokenizer",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "add_bos_token": True,
        "add_eos_token": False,
        "legacy": False,
    }
    scenarios.spm(settings=settings)(folder)
    return len(scenarios.PIECES)


def _unigram(folder: Path) -> int:
    settings = {
        "tokenizer_class": "T5TokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<s>",
    }
    scenarios.unigram_json(settings=settings)(folder)
    (folder / "spiece.model").write_bytes(scenarios.sentencepiece_model(unigram=True))
    return len(scenarios.UNIGRAM)


_GPT2 = {**tiny.GPT2_PATTERN, "use_regex": True}

KINDS: dict[str, Vocabulary] = {
    "gpt2": Vocabulary(
        lambda folder: tiny.write_bpe(folder, _GPT2, ("<|endoftext|>",)), "gpt-2", (0, 255)
    ),
    "llama3": Vocabulary(tiny.MODELS["llama"].tokenizer, "llama-bpe", (0, 255)),
    "qwen2": Vocabulary(tiny.MODELS["qwen2"].tokenizer, "qwen2", (0, 255)),
    "spm": Vocabulary(_spm, "default", (3, 300)),
    "unigram": Vocabulary(_unigram, "default", (3, 40)),
    "wordpiece": Vocabulary(tiny.write_wordpiece, "jina-v2-en", (5, 80)),
}
