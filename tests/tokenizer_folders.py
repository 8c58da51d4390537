"""Writes small tokenizers as checkpoints carry them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from quantcli.tokenizer import regexes as rx
from quantcli.tokenizer.pretokenizers import BYTES

DATA = Path(__file__).parent / "data"
STRINGS: list[str] = json.loads((DATA / "mixed_strings.json").read_text("utf-8"))
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
END = "<|endoftext|>"


def write_json(folder: Path, name: str, value: object) -> None:
    (folder / name).write_text(json.dumps(value), encoding="utf-8")


def added(i: int, content: str, *, special: bool = True) -> dict[str, Any]:
    return {
        "id": i,
        "content": content,
        "special": special,
        "normalized": False,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
    }


def isolate(regex: str) -> dict[str, Any]:
    return {
        "type": "Split",
        "pattern": {"Regex": regex},
        "behavior": "Isolated",
        "invert": False,
    }


def sequence(*steps: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(steps)}


def from_canonical(steps: Iterable[str]) -> dict[str, Any]:
    """A pre_tokenizer of tokenizer.json from the table's canonical steps."""
    gpt2 = f"Split {rx.canonical(rx.GPT2)}"
    found: list[dict[str, Any]] = []
    for step in steps:
        if step == BYTES:
            by_regex = bool(found) and found[-1].get("pattern") == {"Regex": gpt2[6:]}
            if by_regex:
                found.pop()
            found.append({**BYTE_LEVEL, "use_regex": by_regex})
        elif step.startswith("Split "):
            found.append(isolate(step[6:]))
        else:
            kind, behavior = step.split()
            found.append({"type": kind, "behavior": behavior})
    return sequence(*found)


def train_bpe(folder: Path, pre_tokenizer: Mapping[str, Any], *, whole_words: bool) -> None:
    """Train a byte-level BPE on the mixed strings, split as `pre_tokenizer` says."""
    empty = json.loads(tokenizers.Tokenizer(models.BPE()).to_str())
    empty["pre_tokenizer"] = pre_tokenizer
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(empty))
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[END],
    )
    tokenizer.train_from_iterator(STRINGS * 2, trainer)
    trained = json.loads(tokenizer.to_str())
    trained["decoder"] = {**BYTE_LEVEL, "use_regex": True}
    trained["model"]["ignore_merges"] = whole_words
    write_json(folder, "tokenizer.json", trained)
    write_json(folder, "tokenizer_config.json", {"bos_token": END, "eos_token": END})


def write_bpe(folder: Path, **changes: Any) -> dict[str, Any]:
    """Write a byte-level BPE of seven tokens and one special one; return its tokenizer.json.

    Args:
        folder: where to.
        changes: top-level parts of tokenizer.json to replace; a part of `model` by its name there.
    """
    vocab = {text: i for i, text in enumerate(["a", "b", "c", "\u0120", "ab", "\u0120a", "abc"])}
    model = {
        "type": "BPE",
        "ignore_merges": False,
        "byte_fallback": False,
        "end_of_word_suffix": None,
        "vocab": vocab,
        "merges": ["a b", "\u0120 a", "ab c"],
    }
    model |= {name: changes.pop(name) for name in list(changes) if name in {*model, "type"}}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [added(7, END)],
        "normalizer": None,
        "pre_tokenizer": {**BYTE_LEVEL, "use_regex": True},
        "post_processor": None,
        "decoder": BYTE_LEVEL,
        "model": model,
        **changes,
    }
    write_json(folder, "tokenizer.json", tokenizer)
    write_json(folder, "tokenizer_config.json", {"bos_token": END, "eos_token": END})
    return tokenizer


def reference(folder: Path) -> tokenizers.Tokenizer:
    """Hugging Face's own tokenizer of the folder, without padding or truncation."""
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
