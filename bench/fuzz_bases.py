"""The checkpoints that the fuzz of configurations starts from: every architecture and tokenizer.

`tests/tiny.py` writes them; here its byte-level BPE and WordPiece tokenizers are also stored in
their older files, and a SentencePiece tokenizer takes their place.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import tiny

_SPACE = "\u2581"
_WORDS = ("the", "he", "th", "in", "er", f"{_SPACE}t", f"{_SPACE}the", "an", "and", "12")
Piece = tuple[str, float, int]
"""Text, score, and SentencePiece's number of its kind."""


def pieces() -> list[Piece]:
    """Return a SentencePiece BPE vocabulary: control, bytes, words by score, letters."""
    found: list[Piece] = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]
    found += [(f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)]
    found += [(word, -float(rank), 1) for rank, word in enumerate(_WORDS)]
    letters = [_SPACE, *(chr(code) for code in range(97, 123)), *"0123456789.,!?"]
    return found + [(letter, -100.0 - rank, 1) for rank, letter in enumerate(letters)]


def _field(number: int, wire: int, payload: bytes) -> bytes:
    length = _varint(len(payload)) if wire == 2 else b""
    return _varint(number << 3 | wire) + length + payload


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def sentencepiece_bytes(vocabulary: list[Piece]) -> bytes:
    """Return tokenizer.model: SentencePiece's protocol buffer of a BPE model."""
    parts = []
    for text, score, kind in vocabulary:
        entry = _field(1, 2, text.encode()) + _field(2, 5, struct.pack("<f", score))
        parts.append(_field(1, 2, entry + _field(3, 0, _varint(kind))))
    trainer = _field(3, 0, _varint(2)) + _field(35, 0, _varint(1))
    normalizer = _field(1, 2, b"identity") + _field(3, 0, _varint(1)) + _field(4, 0, _varint(0))
    return b"".join(parts) + _field(2, 2, trainer) + _field(3, 2, normalizer)


def _spm_json(folder: Path, *, model: bool, whole: bool) -> int:
    """Write a SentencePiece tokenizer as tokenizer.model, tokenizer.json or both."""
    vocabulary = pieces()
    if model:
        (folder / "tokenizer.model").write_bytes(sentencepiece_bytes(vocabulary))
    ids = {text: number for number, (text, _, _) in enumerate(vocabulary)}
    names = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    tiny._write_json(  # noqa: SLF001 - the fixtures' own writer
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "LlamaTokenizer",
            "add_bos_token": True,
            "add_eos_token": False,
            **names,
        },
    )
    if whole:
        tiny._write_json(folder / "tokenizer.json", _as_json(ids))  # noqa: SLF001 - as above
    return len(vocabulary)


_BOS = {"SpecialToken": {"id": "<s>", "type_id": 0}}
_TEXTS = [{"Sequence": {"id": letter, "type_id": i}} for i, letter in enumerate("AB")]
_FIRST_BOS = {
    "type": "TemplateProcessing",
    "single": [_BOS, _TEXTS[0]],
    "pair": [_BOS, _TEXTS[0], _BOS, _TEXTS[1]],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
}
_DECODERS = [
    {"type": "Replace", "pattern": {"String": _SPACE}, "content": " "},
    {"type": "ByteFallback"},
    {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0},
]


def _as_json(ids: dict[str, int]) -> dict[str, Any]:
    merges = []
    for word in _WORDS:
        cuts = [(word[:at], word[at:]) for at in range(1, len(word))]
        merges += [" ".join(cut) for cut in cuts if cut[0] in ids and cut[1] in ids]
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    prepend = {"type": "Prepend", "prepend": _SPACE}
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": number, "content": content, **added, "special": True}
            for number, content in enumerate(("<unk>", "<s>", "</s>"))
        ],
        "normalizer": {"type": "Sequence", "normalizers": [prepend, replace]},
        "pre_tokenizer": None,
        "post_processor": _FIRST_BOS,
        "decoder": {"type": "Sequence", "decoders": _DECODERS},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": ids,
            "merges": merges,
        },
    }


def _old_gpt2(folder: Path) -> int:
    """Write vocab.json and merges.txt in place of tokenizer.json."""
    count = tiny.MODELS["gpt2"].tokenizer(folder)
    whole = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocab = dict(whole["model"]["vocab"])
    vocab |= {token["content"]: token["id"] for token in whole["added_tokens"]}
    tiny._write_json(folder / "vocab.json", vocab)  # noqa: SLF001 - as above
    lines = ["#version: 0.2", *whole["model"]["merges"]]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tokenizer.json").unlink()
    settings = {"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|endoftext|>"}
    tiny._write_json(folder / "tokenizer_config.json", settings)  # noqa: SLF001 - as above
    return count


def _old_bert(folder: Path) -> int:
    count = tiny.MODELS["bert"].tokenizer(folder)
    (folder / "tokenizer.json").unlink()
    return count


def _with(name: str, tokenizer: Callable[[Path], int]) -> tiny.Tiny:
    base = tiny.MODELS[name]
    return tiny.Tiny(base.arch, base.pre, base.config, base.shapes, tokenizer, base.files)


_EXTRA: dict[str, tiny.Tiny] = {
    "llama_spm": _with("llama", lambda folder: _spm_json(folder, model=True, whole=False)),
    "llama_spm_both": _with("llama", lambda folder: _spm_json(folder, model=True, whole=True)),
    "llama_spm_json": _with("llama", lambda folder: _spm_json(folder, model=False, whole=True)),
    "gpt2_old_files": _with("gpt2", _old_gpt2),
    "bert_old_files": _with("bert", _old_bert),
}
BASES: dict[str, tiny.Tiny] = {**tiny.MODELS, **_EXTRA}
"""Every kind of checkpoint by name."""

_GENERATION = {"bos_token_id": None, "eos_token_id": None, "temperature": 0.7, "top_p": 0.9}


def write_base(name: str, folder: Path) -> Path:
    """Write the checkpoint BASES[name] into `folder`, with every small file that may be mutated."""
    tiny.MODELS[name] = BASES[name]
    try:
        tiny.write_tiny(name, folder)
    finally:
        if name in _EXTRA:
            del tiny.MODELS[name]
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    special = {key: value for key, value in settings.items() if key.endswith("_token")}
    special = {key: value for key, value in special.items() if isinstance(value, str)}
    tiny._write_json(folder / "special_tokens_map.json", special)  # noqa: SLF001 - as above
    if BASES[name].arch != "bert" and not (folder / "generation_config.json").exists():
        tiny._write_json(folder / "generation_config.json", _GENERATION)  # noqa: SLF001 - as above
    return folder
