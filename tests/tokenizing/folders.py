"""Hugging Face folders of the real vocabularies that llama.cpp has in models/ggml-vocab-*.gguf.

A vocabulary file has texts, types, merges or scores; what it lacks is how the tokenizer splits and
normalizes. That is stated here as the published tokenizer.json of the model has it.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gguf
from tokenizer_folders import BYTE_LEVEL, isolate, sequence, write_json
from tokenizer_scenarios import field_of

from quantcli.tokenizer import regexes as rx

NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = range(1, 7)
SPACE = "\u2581"
_WITHOUT_REGEX = {**BYTE_LEVEL, "use_regex": False}
_GPT2 = {**BYTE_LEVEL, "use_regex": True}


@dataclass(frozen=True, slots=True)
class Contents:
    """What a vocabulary file holds."""

    tokens: list[str]
    types: list[int]
    scores: list[float]
    merges: list[str]
    charsmap: bytes
    ids: dict[str, int]

    def base(self) -> dict[str, int]:
        """Text to id of what is before the last token that is not an added one."""
        kinds = (NORMAL, BYTE)
        last = max(i for i, kind in enumerate(self.types) if kind in kinds)
        return {text: i for i, text in enumerate(self.tokens[: last + 1])}

    def added(self, *, normalized: bool = False) -> list[dict[str, Any]]:
        """The added tokens, as tokenizer.json lists them; user-defined ones are not special."""
        kinds, named = (CONTROL, USER, UNKNOWN), set(self.ids.values())
        return [
            {
                "id": i,
                "content": text,
                "special": kind != USER or i in named,
                "normalized": normalized and kind == USER,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
            }
            for i, (text, kind) in enumerate(zip(self.tokens, self.types, strict=True))
            if kind in kinds or i in named
        ]


def contents(path: Path) -> Contents:
    """Read a vocabulary file."""
    fields = gguf.GGUFReader(path).fields

    def value(name: str) -> Any:
        found = fields.get(f"tokenizer.ggml.{name}")
        return found.contents() if found is not None else None

    ids = {}
    for name in ("bos", "eos", "unknown", "seperator", "padding", "mask"):
        if (found := value(f"{name}_token_id")) is not None:
            ids[name] = found
    return Contents(
        tokens=value("tokens"),
        types=value("token_type"),
        scores=value("scores") or [],
        merges=value("merges") or [],
        charsmap=bytes(byte % 256 for byte in value("precompiled_charsmap") or ()),
        ids=ids,
    )


def byte_level(
    *pre: Mapping[str, Any], nfc: bool = False, normalized: bool = False, whole: bool = False
) -> Callable[[Contents], dict[str, Any]]:
    """A byte-level BPE with the pre-tokenizer's steps `pre`."""

    def make(vocab: Contents) -> dict[str, Any]:
        return _tokenizer(
            vocab.added(normalized=normalized),
            normalizer={"type": "NFC"} if nfc else None,
            pre_tokenizer=sequence(*pre),
            decoder={**BYTE_LEVEL, "use_regex": True},
            model=_bpe(
                vocab.base(), [merge.split(" ") for merge in vocab.merges], ignore_merges=whole
            ),
        )

    return make


def escaped(vocab: Contents) -> dict[str, Any]:
    """A BPE on characters with the escaped space, no space in front: Gemma."""
    merges = []
    for merge in vocab.merges:
        at = merge.index(" ", 1)
        merges.append([merge[:at], merge[at + 1 :]])
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    split = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious"}
    back = {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}
    return _tokenizer(
        vocab.added(),
        normalizer=replace,
        pre_tokenizer={**split, "invert": False},
        decoder={
            "type": "Sequence",
            "decoders": [back, {"type": "ByteFallback"}, {"type": "Fuse"}],
        },
        model=_bpe(
            {text: i for i, text in enumerate(vocab.tokens)},
            merges,
            unk_token=vocab.tokens[vocab.ids["unknown"]],
            byte_fallback=True,
            fuse_unk=True,
        ),
    )


def sentencepiece(vocab: Contents) -> dict[str, Any]:
    """A SentencePiece BPE as transformers exports it: the scores become an order of merges."""
    scores = {
        text: value
        for text, value, kind in zip(vocab.tokens, vocab.scores, vocab.types, strict=True)
        if kind == NORMAL
    }
    ids = {text: i for i, text in enumerate(vocab.tokens)}
    merges = []
    for text, score in scores.items():
        cuts = [(text[:i], text[i:]) for i in range(1, len(text))]
        known = [cut for cut in cuts if cut[0] in scores and cut[1] in scores]
        known.sort(key=lambda cut: (ids[cut[0]], ids[cut[1]]))
        merges += [(score, list(cut)) for cut in known]
    merges.sort(key=lambda pair: -pair[0])  # stable, as there
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    prepend = {"type": "Prepend", "prepend": SPACE}
    unknown = next(i for i, kind in enumerate(vocab.types) if kind == UNKNOWN)
    return _tokenizer(
        vocab.added(),
        normalizer={"type": "Sequence", "normalizers": [prepend, replace]},
        pre_tokenizer=None,
        decoder={"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        model=_bpe(
            vocab.base(),
            [pair for _, pair in merges],
            unk_token=vocab.tokens[unknown],
            byte_fallback=True,
            fuse_unk=True,
        ),
    )


def wordpiece(vocab: Contents) -> dict[str, Any]:
    """BERT's tokenizer; the vocabulary file marks beginnings of words instead of continuations."""
    tokens = [
        text if kind == CONTROL else text[1:] if text.startswith(SPACE) else f"##{text}"
        for text, kind in zip(vocab.tokens, vocab.types, strict=True)
    ]
    around = [("[CLS]", tokens.index("[CLS]")), ("[SEP]", tokens.index("[SEP]"))]
    return _tokenizer(
        vocab.added(),
        normalizer={
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        pre_tokenizer={"type": "BertPreTokenizer"},
        post_processor=template(*around),
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
        model={
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {text: i for i, text in enumerate(tokens)},
        },
    )


def unigram(vocab: Contents) -> dict[str, Any]:
    """XLM-RoBERTa's tokenizer."""
    last = max(i for i, kind in enumerate(vocab.types) if kind != UNUSED)
    metaspace = {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always"}
    listed = [
        [text, float(score)]
        for text, score in zip(vocab.tokens[: last + 1], vocab.scores, strict=False)
    ]
    return _tokenizer(
        vocab.added(),
        normalizer={
            "type": "Precompiled",
            "precompiled_charsmap": base64.b64encode(vocab.charsmap).decode(),
        },
        pre_tokenizer=sequence({"type": "WhitespaceSplit"}, {**metaspace, "split": True}),
        post_processor=template(
            ("<s>", vocab.tokens.index("<s>")), ("</s>", vocab.tokens.index("</s>"))
        ),
        decoder={**metaspace, "split": True},
        model={
            "type": "Unigram",
            "unk_id": vocab.ids["unknown"],
            "byte_fallback": False,
            "vocab": listed,
        },
    )


def model(vocab: Contents) -> bytes:
    """A SentencePiece model of the same, as its protocol buffer (sentencepiece_model.proto)."""
    pieces = b"".join(
        field_of(
            1, field_of(1, text.encode()) + b"\x15" + struct.pack("<f", score) + field_of(3, kind)
        )
        for text, score, kind in zip(vocab.tokens, vocab.scores, vocab.types, strict=True)
    )
    # model_type Unigram, unk_id; the defaults put a space in front and make one of several.
    trainer = field_of(3, 1) + b"\xc0\x02" + bytes([vocab.ids["unknown"]])
    return pieces + field_of(2, trainer) + field_of(3, field_of(2, vocab.charsmap))


def template(first: tuple[str, int], last: tuple[str, int]) -> dict[str, Any]:
    """A post-processor that puts one token before a text and one behind it."""
    before, after = ({"SpecialToken": {"id": text, "type_id": 0}} for text, _ in (first, last))
    a, b = ({"Sequence": {"id": letter, "type_id": 0}} for letter in "AB")
    return {
        "type": "TemplateProcessing",
        "single": [before, a, after],
        "pair": [before, a, after, b, after],
        "special_tokens": {
            text: {"id": text, "ids": [i], "tokens": [text]} for text, i in (first, last)
        },
    }


def _bpe(
    vocab: dict[str, int],
    merges: list[list[str]],
    *,
    unk_token: str | None = None,
    **options: bool,
) -> dict[str, Any]:
    plain = {"fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": unk_token,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        **plain,
        **options,
        "vocab": vocab,
        "merges": merges,
    }


def _tokenizer(added: list[dict[str, Any]], **parts: Any) -> dict[str, Any]:
    empty = {"version": "1.0", "truncation": None, "padding": None, "post_processor": None}
    return {**empty, "added_tokens": added, **parts}


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One vocabulary of models/ggml-vocab-*.gguf.

    Attributes:
        make: makes tokenizer.json of it.
        settings: tokenizer_config.json, beside the special tokens' names.
        config: config.json.
    """

    make: Callable[[Contents], dict[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)


_DIGITS = {"type": "Digits", "individual_digits": True}
_CODER = (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", rx.DEEPSEEK_HAN)
_LLM = (r"[\r\n]", rx.DEEPSEEK_LETTERS, rx.DEEPSEEK_PUNCTUATION, r"\s+$", rx.DEEPSEEK_HAN)
REBUILT: dict[str, Rebuilt] = {
    "aquila": Rebuilt(byte_level(_GPT2)),
    "baichuan": Rebuilt(sentencepiece, {"tokenizer_class": "PreTrainedTokenizerFast"}),
    "bert-bge": Rebuilt(wordpiece, {"tokenizer_class": "BertTokenizer"}, {"model_type": "bert"}),
    "command-r": Rebuilt(
        byte_level(_DIGITS, _GPT2, nfc=True),
        {"tokenizer_class": "CohereTokenizer"},
        {"model_type": "cohere"},
    ),
    "deepseek-coder": Rebuilt(
        byte_level(*map(isolate, _CODER), _DIGITS, _WITHOUT_REGEX, normalized=True)
    ),
    "deepseek-llm": Rebuilt(
        byte_level(*map(isolate, _LLM), _DIGITS, _WITHOUT_REGEX, normalized=True)
    ),
    "falcon": Rebuilt(
        byte_level(
            {"type": "Punctuation", "behavior": "Contiguous"},
            _GPT2,
            {"type": "Digits", "individual_digits": False},
            isolate("[0-9][0-9][0-9]"),
        )
    ),
    "gemma-4": Rebuilt(escaped, {"tokenizer_class": "GemmaTokenizer"}, {"model_type": "gemma4"}),
    "gpt-2": Rebuilt(
        byte_level(_GPT2), {"tokenizer_class": "GPT2Tokenizer"}, {"model_type": "gpt2"}
    ),
    "gpt-neox": Rebuilt(
        byte_level(_GPT2, nfc=True),
        {"tokenizer_class": "GPTNeoXTokenizer"},
        {"model_type": "gpt_neox"},
    ),
    "llama-bpe": Rebuilt(byte_level(isolate(rx.LLAMA3), _WITHOUT_REGEX, whole=True)),
    "llama-spm": Rebuilt(sentencepiece, {"tokenizer_class": "PreTrainedTokenizerFast"}),
    "mpt": Rebuilt(
        byte_level(_GPT2, nfc=True), {"tokenizer_class": "GPTNeoXTokenizer"}, {"model_type": "mpt"}
    ),
    "nomic-bert-moe": Rebuilt(
        unigram, {"tokenizer_class": "XLMRobertaTokenizer"}, {"model_type": "nomic_bert"}
    ),
    "phi-3": Rebuilt(sentencepiece, {"tokenizer_class": "PreTrainedTokenizerFast"}),
    "qwen2": Rebuilt(byte_level(isolate(rx.QWEN2), _WITHOUT_REGEX, nfc=True)),
    "qwen35": Rebuilt(byte_level(isolate(rx.QWEN35), _WITHOUT_REGEX, nfc=True)),
    "refact": Rebuilt(byte_level(_DIGITS, _GPT2)),
    "starcoder": Rebuilt(byte_level(_DIGITS, _GPT2)),
}
_NAMES = {"bos": "bos", "eos": "eos", "unknown": "unk", "seperator": "sep", "padding": "pad"}


def rebuild(path: Path, folder: Path) -> Contents:
    """Write the folder of ggml-vocab-NAME.gguf; return what the file holds."""
    rebuilt = REBUILT[path.stem.removeprefix("ggml-vocab-")]
    vocab = contents(path)
    write_json(folder, "tokenizer.json", rebuilt.make(vocab))
    named = {f"{_NAMES[k]}_token": vocab.tokens[i] for k, i in vocab.ids.items() if k in _NAMES}
    write_json(folder, "tokenizer_config.json", {**named, **rebuilt.settings})
    write_json(folder, "config.json", {"vocab_size": len(vocab.tokens), **rebuilt.config})
    return vocab


def without(folder: Path, *parts: str) -> dict[str, Any]:
    """tokenizer.json of a folder, with parts set to null."""
    tokenizer: dict[str, Any] = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    return {**tokenizer, **dict.fromkeys(parts)}
