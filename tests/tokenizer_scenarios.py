"""Small tokenizers in the states in which checkpoints have them: old, renamed, contradicting.

What transformers makes of each is frozen by scripts/freeze_tokenizers.py. Nothing is trained here,
so a folder is the same everywhere.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizer_folders import BYTE_LEVEL, END, added, isolate, sequence, write_json

STRINGS = (
    "",
    "the cat",
    "then  the hat 123",
    "café Übung",
    "日本 ok",
    "line\nthe",
    f"the{END}hat",
    "a<x>the",
    "The Cat",
    "it's here, the end.",
)
BOS, STOP, PAD = "<|begin|>", "<|stop|>", "<pad>"
SPACE = "\u2581"


@dataclass(frozen=True)
class Scenario:
    """A tokenizer's folder.

    Attributes:
        write: writes the files into a folder.
        kind: kind of tokenizer that an architecture's table names.
        config: config.json, which counts for the tokenizer's class.
        rows: rows of the embedding; None for as many as the tokenizer has ids.
        around: transformers' ids with the tokens that it adds are right; not where its
            post-processor names an id that its vocabulary does not have.
        metaspace: llama.cpp puts more spaces than the tokenizer, before special tokens' neighbours.
    """

    write: Callable[[Path], None]
    kind: str = "llama"
    config: Mapping[str, Any] = field(default_factory=lambda: {"model_type": "llama"})
    rows: int | None = None
    around: bool = True
    metaspace: bool = False


# --------------------------------------------------------------------------- byte-level BPE
def letters() -> list[str]:
    """GPT-2's letters for the 256 bytes, in the order of the bytes."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = iter(range(256, 512))
    return [chr(byte if byte in shown else next(other)) for byte in range(256)]


MERGES = (
    "t h", "h e", "th e", "\u0120 t", "\u0120t he", "i n", "a t", "\u0120 c", "\u0120c at", "1 2",
    "h at", "e n", "\u0120 \u0120", "o k",
)  # fmt: skip
BPE = {t: i for i, t in enumerate([*letters(), *(m.replace(" ", "") for m in MERGES)])}
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def template(first: str, last: str = "", ids: Mapping[str, int] | None = None) -> dict[str, Any]:
    """A post-processor that puts `first` before and `last` behind a text."""
    texts = [text for text in (first, last) if text]
    before = [{"SpecialToken": {"id": first, "type_id": 0}}] if first else []
    after = [{"SpecialToken": {"id": last, "type_id": 0}}] if last else []
    a, b = ({"Sequence": {"id": letter, "type_id": 0}} for letter in "AB")
    table = {t: {"id": t, "ids": [(ids or {}).get(t, 0)], "tokens": [t]} for t in texts}
    return {
        "type": "TemplateProcessing",
        "single": [*before, a, *after],
        "pair": [*before, a, *after, b, *after],
        "special_tokens": table,
    }


def numbered(texts: Iterable[str], start: int) -> dict[str, int]:
    return {text: start + i for i, text in enumerate(texts)}


def bpe(
    *texts: str,
    post: dict[str, Any] | None = None,
    hole: int = 0,
    settings: Mapping[str, Any] | None = None,
    special: bool = True,
    pre: dict[str, Any] | None = None,
) -> Callable[[Path], None]:
    """A byte-level BPE with the added tokens `texts` in tokenizer.json."""
    ids = numbered(texts, len(BPE) + hole)

    def write(folder: Path) -> None:
        listed = [added(i, text, special=special) for text, i in ids.items()]
        tokenizer = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": listed,
            "normalizer": None,
            "pre_tokenizer": pre or {**BYTE_LEVEL, "use_regex": True},
            "post_processor": post,
            "decoder": BYTE_LEVEL,
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": False,
                "vocab": BPE,
                "merges": [merge.split(" ") for merge in MERGES],
            },
        }
        write_json(folder, "tokenizer.json", tokenizer)
        if settings is not None:
            write_json(folder, "tokenizer_config.json", settings)

    return write


def old(
    *texts: str,
    settings: Mapping[str, Any] | None = None,
    files: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable[[Path], None]:
    """The same with vocab.json and merges.txt; `texts` are in the vocabulary."""

    def write(folder: Path) -> None:
        write_json(folder, "vocab.json", BPE | numbered(texts, len(BPE)))
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]), "utf-8")
        if settings is not None:
            write_json(folder, "tokenizer_config.json", settings)
        for name, value in (files or {}).items():
            write_json(folder, name, value)

    return write


# ---------------------------------------------------------------------------- SentencePiece
_JOINED = ("th", "he", "the", "▁t", "▁the", "in", "at", "▁c", "▁cat", "hat", "en", "ok")
_LETTERS = "▁abcdefghijklmnopqrstuvwxyzTC123,.'<>|"
_BYTES = [f"<0x{value:02X}>" for value in range(256)]
PIECES: list[tuple[str, float, int]] = [
    ("<unk>", 0.0, 2),
    ("<s>", 0.0, 3),
    ("</s>", 0.0, 3),
    *((text, 0.0, 6) for text in _BYTES),
    *((text, -float(i), 1) for i, text in enumerate(_JOINED)),
    *((text, -100.0 - i, 1) for i, text in enumerate(_LETTERS)),
]


UNIGRAM = [
    ("<unk>", 0.0, 2),
    ("<s>", 0.0, 3),
    ("</s>", 0.0, 3),
    *((text, -2.0 - i / 8, 1) for i, text in enumerate(("▁the", "▁cat", "hat", "en", "ok", "▁"))),
    *((text, -8.0 - i / 8, 1) for i, text in enumerate("abcdefghijklmnopqrstuvwxyz123,.'")),
]


def field_of(number: int, value: bytes | int) -> bytes:
    """A field of a protocol buffer."""
    if isinstance(value, int):
        return bytes([number << 3]) + _varint(value)
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def sentencepiece_model(*, unigram: bool = False) -> bytes:
    """A SentencePiece BPE of `PIECES` or a Unigram of `UNIGRAM`, as its protocol buffer.

    The fields are those of sentencepiece_model.proto.
    """
    pieces = b"".join(
        field_of(
            1, field_of(1, text.encode()) + b"\x15" + struct.pack("<f", score) + field_of(3, kind)
        )
        for text, score, kind in (UNIGRAM if unigram else PIECES)
    )
    # model_type; field 35 is byte_fallback.
    trainer = field_of(3, 1) if unigram else field_of(3, 2) + b"\x98\x02\x01"
    normalizer = field_of(1, b"identity") + field_of(4, int(unigram))  # runs of spaces become one
    return pieces + field_of(2, trainer) + field_of(3, normalizer)


def spm_json(*texts: str, rename: Mapping[str, str], special: bool, post: str) -> dict[str, Any]:
    """The same as tokenizer.json says it, with added tokens behind."""
    names = [rename.get(text, text) for text, _, _ in PIECES]
    vocab = {text: i for i, text in enumerate(names)}
    merges = [
        [text[:cut], text[cut:]]
        for text in _JOINED
        for cut in range(1, len(text))
        if text[:cut] in vocab and text[cut:] in vocab
    ]
    ids = numbered(texts, len(names))
    listed = [added(i, names[i]) for i in range(3)]
    listed += [added(i, text, special=special) for text, i in ids.items()]
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": listed,
        "normalizer": {
            "type": "Sequence",
            "normalizers": [{"type": "Prepend", "prepend": SPACE}, replace],
        },
        "pre_tokenizer": None,
        "post_processor": template(post, ids=vocab) if post else None,
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": merges,
        },
    }


def spm(
    *texts: str,
    settings: Mapping[str, Any],
    json: bool = True,
    model: bytes | None = None,
    rename: Mapping[str, str] | None = None,
    special: bool = True,
    post: str = "<s>",
    files: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable[[Path], None]:
    """A SentencePiece BPE: tokenizer.model, and tokenizer.json with the added tokens `texts`."""

    def write(folder: Path) -> None:
        (folder / "tokenizer.model").write_bytes(sentencepiece_model() if model is None else model)
        write_json(folder, "tokenizer_config.json", settings)
        if json:
            value = spm_json(*texts, rename=rename or {}, special=special, post=post)
            write_json(folder, "tokenizer.json", value)
        for name, content in (files or {}).items():
            write_json(folder, name, content)

    return write


def unigram_json(*texts: str, settings: Mapping[str, Any]) -> Callable[[Path], None]:
    """A Unigram tokenizer in tokenizer.json."""
    metaspace = {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always"}
    split = [{"type": "WhitespaceSplit"}, {**metaspace, "split": True}]

    def write(folder: Path) -> None:
        listed = [added(i, UNIGRAM[i][0]) for i in range(3)]
        listed += [added(len(UNIGRAM) + i, text) for i, text in enumerate(texts)]
        tokenizer = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": listed,
            "normalizer": None,
            "pre_tokenizer": sequence(*split),
            "post_processor": template("", "</s>", {"</s>": 2}),
            "decoder": {**metaspace, "split": True},
            "model": {
                "type": "Unigram",
                "unk_id": 0,
                "byte_fallback": False,
                "vocab": [[text, score] for text, score, _ in UNIGRAM],
            },
        }
        write_json(folder, "tokenizer.json", tokenizer)
        write_json(folder, "tokenizer_config.json", settings)

    return write


def fairseq(folder: Path) -> None:
    """XLM-RoBERTa's old file alone."""
    (folder / "sentencepiece.bpe.model").write_bytes(sentencepiece_model(unigram=True))


# -------------------------------------------------------------------------------- WordPiece
WORDS = [
    *(
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "the",
        "The",
        "cat",
        "Cat",
        "##en",
        "hat",
        "th",
    ),
    *("caf", "##é", "##e", "cafe", "a", "it", "here", "end", "ok", "日", "本", ",", ".", "'", "s"),
    *("<", ">", "x"),
]


def vocab_txt(settings: Mapping[str, Any], *extra: str) -> Callable[[Path], None]:
    """A WordPiece tokenizer of the old kind."""

    def write(folder: Path) -> None:
        (folder / "vocab.txt").write_text("\n".join([*WORDS, ""]), encoding="utf-8")
        write_json(folder, "tokenizer_config.json", settings)
        if extra:
            write_json(folder, "added_tokens.json", numbered(extra, len(WORDS)))

    return write


TIKTOKEN = b"".join(base64.b64encode(bytes([i])) + b" %d\n" % i for i in range(256))
_SP = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
_LLAMA = {**_SP, "tokenizer_class": "LlamaTokenizer"}
_FAST = {"tokenizer_class": "PreTrainedTokenizerFast"}
_NAMED = {**_FAST, "bos_token": BOS, "eos_token": STOP}
_GPT2 = {"model_type": "gpt2"}
_QWEN2 = {"model_type": "qwen2"}
_MISTRAL = {"model_type": "mistral"}
_BERT = {"model_type": "bert"}
_LAST = len(PIECES)
_AFTER = len(BPE)


def _decoder(*pairs: tuple[int, str]) -> dict[str, Any]:
    return {"added_tokens_decoder": {str(i): added(i, text) for i, text in pairs}}


def _both(*writers: Callable[[Path], None]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for writer in writers:
            writer(folder)

    return write


def _tiktoken(folder: Path) -> None:
    (folder / "tokenizer.model").write_bytes(TIKTOKEN)


_IDS = numbered([BOS, STOP], _AFTER)
SCENARIOS: dict[str, Scenario] = {
    # One source of truth for the vocabulary.
    "tiktoken-beside-json": Scenario(
        _both(bpe(BOS, STOP, post=template(BOS, ids=_IDS), settings=_NAMED), _tiktoken)
    ),
    "added-in-json-only": Scenario(
        spm("<x>", STOP, settings={**_LLAMA, "eos_token": STOP}), metaspace=True
    ),
    "renamed-in-json": Scenario(
        spm(
            settings={**_FAST, **_SP, "eos_token": "<|end|>"},
            rename={"</s>": "<|end|>"},
            post="<s>",
        )
    ),
    "renamed-letter-in-json": Scenario(
        spm(settings={**_FAST, **_SP}, rename={"x": "\u0416"}, post="")
    ),
    "tiktoken-beside-spm-json": Scenario(spm("<x>", settings={**_FAST, **_SP}, model=TIKTOKEN)),
    "added-files-disagree": Scenario(
        spm(
            "<x>",
            STOP,
            settings={**_LLAMA, **_decoder((0, "<unk>"), (_LAST, "<x>"), (_LAST + 1, STOP))},
            files={"added_tokens.json": {STOP: _LAST, "<x>": _LAST + 1}},
        ),
        config=_MISTRAL,
    ),
    # tokenizer.model alone.
    "model-alone": Scenario(
        spm(settings={**_SP, **_FAST, "add_bos_token": True}, json=False), config=_MISTRAL
    ),
    "model-renamed-by-settings": Scenario(
        spm(
            settings={**_SP, "add_bos_token": True, **_decoder((300, "<x>"), (_LAST + 3, STOP))},
            json=False,
        ),
        config=_MISTRAL,
        rows=_LAST + 8,
    ),
    "model-added-with-a-gap": Scenario(
        spm(
            settings={**_LLAMA, "add_bos_token": True, "add_eos_token": True}
            | _decoder((_LAST + 4, "<x>"), (_LAST + 2, STOP)),
            json=False,
        ),
        rows=_LAST + 8,
        metaspace=True,
    ),
    # Numbers of added tokens, and rows.
    "ids-with-a-hole": Scenario(
        bpe(
            BOS,
            STOP,
            hole=4,
            post=template(BOS, ids=numbered([BOS], _AFTER + 4)),
            settings=_NAMED,
        ),
        rows=_AFTER + 8,
        around=False,
    ),
    "named-only-in-settings": Scenario(
        bpe(BOS, STOP, settings={**_NAMED, "pad_token": PAD, "extra_special_tokens": ["<x>"]}),
        rows=_AFTER + 6,
    ),
    "pad-beyond-the-rows": Scenario(
        bpe(BOS, STOP, PAD, settings={**_NAMED, "pad_token": PAD}), rows=_AFTER + 2
    ),
    "pad-beyond-the-rows-spm": Scenario(
        spm(PAD, settings={**_FAST, **_SP, "pad_token": PAD}), rows=_LAST
    ),
    # What the tokenizer does beats what flags and names say.
    "eos-flag-without-effect": Scenario(bpe(BOS, STOP, settings={**_NAMED, "add_eos_token": True})),
    "eos-flag-gpt2": Scenario(
        bpe(END, STOP, settings={"add_eos_token": True, "tokenizer_class": "GPT2Tokenizer"})
    ),
    "bos-flag-against-post-processor": Scenario(
        bpe(BOS, STOP, post=template(BOS, ids=_IDS), settings={**_NAMED, "add_bos_token": False})
    ),
    "post-processor-begins-with-another": Scenario(
        bpe(
            BOS,
            STOP,
            "<x>",
            post=template("<x>", ids=numbered([BOS, STOP, "<x>"], _AFTER)),
            settings=_NAMED,
        )
    ),
    "neox-ignores-the-post-processor": Scenario(
        bpe(
            END,
            post=template(END, ids={END: _AFTER}),
            settings={"tokenizer_class": "GPTNeoXTokenizer"},
        ),
        config={"model_type": "gpt_neox"},
        kind="bpe",
        rows=_AFTER + 4,
    ),
    "llama-class-byte-level": Scenario(
        bpe(BOS, STOP, settings={**_NAMED, **_FAST, "tokenizer_class": "LlamaTokenizer"})
    ),
    "no-settings": Scenario(bpe(BOS, STOP, post=template(BOS, ids=_IDS))),
    # Old files.
    "gpt2-without-class": Scenario(old(END), kind="bpe", config=_GPT2),
    "gpt2-without-end": Scenario(old(settings={}), kind="bpe", config=_GPT2, rows=_AFTER + 2),
    "gpt2-bos-flag": Scenario(old(END, settings={"add_bos_token": True}), kind="bpe", config=_GPT2),
    "gpt2-added-with-a-gap": Scenario(
        old(
            END,
            settings={"tokenizer_class": "GPT2Tokenizer", "eos_token": STOP},
            files={"added_tokens.json": {"<x>": _AFTER + 4, STOP: _AFTER + 2}},
        ),
        kind="bpe",
        config=_GPT2,
        rows=_AFTER + 8,
    ),
    "gpt2-special-tokens-map": Scenario(
        old(END, settings={}, files={"special_tokens_map.json": {"eos_token": "<x>"}}),
        kind="bpe",
        config=_GPT2,
        rows=_AFTER + 4,
    ),
    "qwen2-without-class": Scenario(old(END), kind="auto", config=_QWEN2),
    "roberta-without-class": Scenario(
        old("<s>", "</s>", "<unk>", "<pad>", "<mask>"),
        kind="bpe",
        config={"model_type": "roberta"},
    ),
    "bert-cased": Scenario(
        vocab_txt({"do_lower_case": False}), kind="wordpiece", config=_BERT, rows=len(WORDS)
    ),
    "bert-keeps-accents": Scenario(
        vocab_txt({"do_lower_case": True, "strip_accents": False}), kind="wordpiece", config=_BERT
    ),
    "bert-uncased-added": Scenario(
        vocab_txt({"tokenizer_class": "BertTokenizer"}, "<x>"), kind="wordpiece", config=_BERT
    ),
    # A split of its own beside the class's.
    "qwen2-class": Scenario(
        bpe(
            END,
            settings={"tokenizer_class": "Qwen2Tokenizer"},
            pre=sequence(isolate(QWEN2), {**BYTE_LEVEL, "use_regex": False}),
        ),
        kind="auto",
        config=_QWEN2,
    ),
    "llama-class-in-a-qwen2": Scenario(
        bpe(
            END,
            PAD,
            post=template(PAD, ids={PAD: _AFTER + 1}),
            settings={"tokenizer_class": "LlamaTokenizerFast", "bos_token": PAD},
            pre=sequence(isolate(QWEN2), {**BYTE_LEVEL, "use_regex": False}),
        ),
        kind="auto",
        config=_QWEN2,
    ),
    # Unigram.
    "unigram-in-a-llama": Scenario(
        unigram_json("<x>", settings={**_FAST, "eos_token": "</s>", "unk_token": "<unk>"})
    ),
    "xlm-roberta-alone": Scenario(fairseq, kind="unigram", config={"model_type": "xlm-roberta"}),
    "user-defined": Scenario(bpe("<x>", END, special=False, settings={"eos_token": END})),
}
