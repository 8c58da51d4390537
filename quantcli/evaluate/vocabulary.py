"""Whether a file's tokenizer is one that llama.cpp loads and can tokenize with.

Source: llama.cpp's src/llama-vocab.cpp: what it throws or asserts, and the ids that it falls back
to when a key is missing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from quantcli.container.reader import Metadata
from quantcli.evaluate.key_rules import SPECIAL_IDS, TOKENIZER_RULES, Problem
from quantcli.evaluate.sizes import TOKENS
from quantcli.tokenizer.template_syntax import syntax_error

_PREFIX = "tokenizer.ggml."
MODEL = f"{_PREFIX}model"
TEMPLATE = "tokenizer.chat_template"
_NONE = 2**32 - 1
"""An id that other tools write for "there is none"."""
_TYPES = range(7)
"""Token types, from undefined to byte."""
_NO_TOKENS = {"none", "no_vocab"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of tokenizer as llama.cpp knows it.

    Attributes:
        defaults: ids by name that hold without a key.
        added: whether the tokens "bos" and "eos" are added without a key.
        used: names of ids that tokenizing needs in any case.
        merges: whether the file must have merges.
        bytes: whether a character that is no token becomes tokens of bytes.
        pre: whether tokenizer.ggml.pre is looked up.
    """

    defaults: Mapping[str, int] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    merges: bool = False
    bytes: bool = False
    pre: bool = False


_BPE = Kind({"bos": 11, "eos": 11}, merges=True, pre=True)
KINDS: dict[str, Kind] = {
    "llama": Kind({"bos": 1, "eos": 2, "unknown": 0}, added=("bos",), bytes=True),
    "bert": Kind(
        {"bos": 101, "unknown": 100, "seperator": 102, "padding": 0, "mask": 103},
        used=("bos", "seperator", "unknown"),
    ),
    "gpt2": _BPE,
    "hybriddna": _BPE,
    "whitespace": _BPE,
    "t5": Kind({"eos": 1, "unknown": 2, "padding": 0}, added=("eos",), used=("unknown",)),
    "rwkv": Kind(),
    "plamo2": Kind({"bos": 1, "eos": 2, "unknown": 0, "padding": 3}, bytes=True),
    "gemma4": Kind(merges=True),
}
"""Kinds by tokenizer.ggml.model."""

_PRE_TOKENIZERS = """
    a.x-4.0 afmoe bailingmoe bailingmoe2 bloom chameleon chatglm-bpe codeshell cohere2moe
    command-r dbrx deepseek-coder deepseek-llm deepseek-r1-qwen deepseek-v3 default exaone
    exaone-moe exaone4 f2llmv2 falcon falcon-h1 falcon3 gemma4 gigachat glm4 glm5 gpt-2 gpt-4o
    gpt3-finnish granite-docling granite-embed-multi-311m granite-embed-multi-97m grok-2 hunyuan
    hunyuan-dense hy_v4 jais jais-2 jina-de jina-es jina-v1-en jina-v2-code jina-v2-de
    jina-v2-es jina-v5-nano joyai-llm k2-horizon kanana2 kimi-k2 kormo laguna lfm2 llada-moe
    llama-bpe llama-v3 llama3 llama4 megrez mellum mellum2 midm-2.0 minerva-7b minicpm5
    minimax-m2 mmbert modern-bert mpt olmo phi-2 pixtral poro-chat qwen2 qwen35 refact
    roberta-bpe sarvam-moe seed-coder smaug-bpe smollm solar-open spark2_5 stablelm2 starcoder
    superbpe talkie tekken tiny_aya trillion ufakzeka viking whitespace youtu
"""
PRE_TOKENIZERS = frozenset(_PRE_TOKENIZERS.split())
"""Names that llama.cpp knows under tokenizer.ggml.pre; with any other it does not load a file."""


def problems(entries: Mapping[str, Metadata]) -> Iterator[Problem]:
    """Yield what is wrong with the tokenizer in a file's metadata."""
    template = entries.get(TEMPLATE)
    if template is not None and isinstance(template.value, str):
        fault = syntax_error(template.value)
        if fault is not None:
            yield TEMPLATE, f"key {TEMPLATE}: llama.cpp cannot read it; {fault}"
    retyped = [text for rule in TOKENIZER_RULES for text in rule.problems(entries, "")]
    yield from retyped
    model = entries.get(MODEL)
    if model is None:
        yield MODEL, f"key {MODEL} is missing; llama.cpp does not load the file without it"
        return
    if retyped or model.value in _NO_TOKENS:
        return
    kind = KINDS.get(str(model.value))
    if kind is None:
        yield MODEL, f"key {MODEL} is {model.value!r}, llama.cpp knows {', '.join(KINDS)}"
        return
    tokens = _texts(entries, TOKENS)
    if not tokens:
        yield (
            TOKENS,
            f"key {TOKENS} is missing or empty; llama.cpp does not load the file without it",
        )
        return
    yield from _texts_problems(tokens, entries)
    yield from _ids(entries, kind, tokens)
    yield from _required(entries, kind)
    if kind.merges:
        yield from _merges(entries, tokens)
    if kind.bytes:
        yield from _bytes(tokens)


def _texts(entries: Mapping[str, Metadata], key: str) -> tuple[str, ...]:
    entry = entries.get(key)
    return entry.value if entry is not None and isinstance(entry.value, tuple) else ()


def _texts_problems(tokens: tuple[str, ...], entries: Mapping[str, Metadata]) -> Iterator[Problem]:
    """Yield tokens that are there twice, and scores and types that are none."""
    # llama.cpp gives an empty token a text of its own.
    texts = [text or f"[EMPTY_{number}]" for number, text in enumerate(tokens)]
    twice = [text for text, count in Counter(texts).items() if count > 1]
    if twice:
        first = [number for number, text in enumerate(texts) if text == twice[0]][:2]
        more = f"; {len(twice)} texts are there more than once" if len(twice) > 1 else ""
        yield TOKENS, f"key {TOKENS}: {first[0]} and {first[1]} are both {twice[0]!r}{more}"
    for key in (f"{_PREFIX}scores", f"{_PREFIX}token_type"):
        if key in entries and (length := len(_texts(entries, key))) != len(tokens):
            yield key, f"key {key} has {length} elements for {len(tokens)} tokens"
    scores = _texts(entries, f"{_PREFIX}scores")
    bad = [number for number, score in enumerate(scores) if math.isnan(float(score))]
    if bad:
        yield f"{_PREFIX}scores", f"key {_PREFIX}scores[{bad[0]}] is nan; {len(bad)} scores are"
    types = [int(kind) for kind in _texts(entries, f"{_PREFIX}token_type")]
    odd = [number for number, kind in enumerate(types) if kind not in _TYPES]
    if odd:
        yield (
            f"{_PREFIX}token_type",
            (
                f"key {_PREFIX}token_type[{odd[0]}] is {types[odd[0]]}, it should be from 0 to "
                f"{_TYPES[-1]}; {len(odd)} are not"
            ),
        )


def _ids(entries: Mapping[str, Metadata], kind: Kind, tokens: tuple[str, ...]) -> Iterator[Problem]:
    """Yield special ids, said or taken by default, that are no tokens."""
    for name in SPECIAL_IDS:
        key, default = f"{_PREFIX}{name}_token_id", kind.defaults.get(name)
        entry = entries.get(key)
        if entry is not None:
            value = entry.value if isinstance(entry.value, int) else 0
            if value >= len(tokens) and (value != _NONE or default is not None):
                yield key, f"key {key} is {value}, beyond the {len(tokens)} tokens"
        elif default is not None and default >= len(tokens) and _matters(entries, kind, name):
            yield (
                key,
                f"key {key} is missing; llama.cpp takes {default}, beyond the {len(tokens)} tokens",
            )


def _matters(entries: Mapping[str, Metadata], kind: Kind, name: str) -> bool:
    """Return whether llama.cpp uses the id whether or not a text asks for it."""
    return name == "eos" or name in kind.used or _adds(entries, kind, name)


def _adds(entries: Mapping[str, Metadata], kind: Kind, name: str) -> bool:
    entry = entries.get(f"{_PREFIX}add_{name}_token")
    return name in kind.added if entry is None else entry.value is True


def _required(entries: Mapping[str, Metadata], kind: Kind) -> Iterator[Problem]:
    """Yield tokens that are to be added and are not known, and a pre-tokenizer that is not."""
    for name in ("bos", "eos"):
        key = f"{_PREFIX}{name}_token_id"
        known = key in entries or name in kind.defaults
        if not known and _adds(entries, kind, name):
            yield key, f"key {_PREFIX}add_{name}_token is true, but {key} is missing"
    pre = entries.get(f"{_PREFIX}pre")
    if kind.pre and pre is not None and pre.value and pre.value not in PRE_TOKENIZERS:
        yield f"{_PREFIX}pre", f"key {_PREFIX}pre is {pre.value!r}, which llama.cpp does not know"


def _merges(entries: Mapping[str, Metadata], tokens: tuple[str, ...]) -> Iterator[Problem]:
    """Yield merges that are missing, malformed, or of no tokens."""
    key = f"{_PREFIX}merges"
    pre = entries.get(f"{_PREFIX}pre")
    if key not in entries:
        if pre is None or pre.value != "kimi-k2":
            yield key, f"key {key} is missing; llama.cpp does not load the file without it"
        return
    known = set(tokens)
    parts = [_parts(merge) for merge in _texts(entries, key)]
    malformed = [number for number, (left, right) in enumerate(parts) if not left or not right]
    strange = [
        number
        for number, (left, right) in enumerate(parts)
        if not {left, right, left + right} <= known
    ]
    for wrong, what in (
        (malformed, "two tokens with a space between"),
        (strange, "two tokens that make a token"),
    ):
        if wrong:
            first = f"key {key}[{wrong[0]}] is {_texts(entries, key)[wrong[0]]!r}"
            yield key, f"{first}, not {what}; {len(wrong)} of {len(parts)} are not"
            return


def _parts(merge: str) -> tuple[str, str]:
    """Return the left and the right part, split as llama.cpp does: not at the first character."""
    at = merge.find(" ", 1)
    return (merge[:at], merge[at + 1 :]) if at > 0 else (merge, "")


def _bytes(tokens: tuple[str, ...]) -> Iterator[Problem]:
    """Yield bytes that no token stands for: a text with one of them cannot be tokenized."""
    known = set(tokens)
    absent = [
        byte
        for byte in range(256)
        if f"<0x{byte:02X}>" not in known and not (byte < 128 and chr(byte) in known)
    ]
    if absent:
        yield (
            TOKENS,
            (
                f"key {TOKENS} has no token <0x{absent[0]:02X}>; {len(absent)} of 256 have none, "
                "so llama.cpp fails on characters that are no tokens"
            ),
        )
