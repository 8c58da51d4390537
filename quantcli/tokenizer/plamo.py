"""PLaMo 2 and 3: tokens with scores in tokenizer.jsonl, of which the best sequence is found."""

from __future__ import annotations

import math
from collections.abc import Mapping

from quantcli.errors import TokenizerError
from quantcli.inputs import parse_json
from quantcli.tokenizer.added_tokens import named_tokens
from quantcli.tokenizer.assembly import assemble
from quantcli.tokenizer.classes import GENERIC, Names
from quantcli.tokenizer.files import Files
from quantcli.tokenizer.spm import ADD_SPACE_PREFIX, check_bytes
from quantcli.tokenizer.vocabulary import (
    Key,
    TokenType,
    blank,
    configured_size,
)

FILE = "tokenizer.jsonl"
MODEL = "plamo2"
_PRE = "default"
_TURN = "<|plamo:op|>"
"""The token that opens the next message of a chat: at it an answer ends."""
_NAMES = {kind: f"<|plamo:{kind}|>" for kind in ("unk", "bos", "eos", "pad")}
_TYPES = {
    "UNKNOWN": TokenType.UNKNOWN,
    "CONTROL": TokenType.CONTROL,
    "BYTE": TokenType.BYTE,
    "NORMAL": TokenType.NORMAL,
}
_PAD_SCORE = -1000.0


def plamo_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of PLaMo's tokenizer.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name to write for the pre-tokenizer, or None.

    Raises:
        TokenizerError: the file is missing or malformed, or larger than the embedding.
    """
    entries = _read(files)
    size = rows or configured_size(config, "vocab_size") or len(entries)
    if len(entries) > size:
        raise TokenizerError(
            f"has {len(entries)} tokens, and the embedding {size} rows", where=files.where(FILE)
        )
    vocab = blank(size)
    vocab.scores = [_PAD_SCORE] * size
    for i, (text, score, kind) in enumerate(entries):
        vocab.tokens[i], vocab.scores[i], vocab.types[i] = text, score, kind
        vocab.ids.setdefault(text, i)
    check_bytes(files, vocab, FILE)
    named = named_tokens(files, {}, {k: t for k, t in _NAMES.items() if t in vocab.ids})
    if _TURN in vocab.ids:
        named["eot"] = _TURN
    keys = assemble(files, config, vocab, model=MODEL, pre=pre or _PRE, names=Names(named, GENERIC))
    return [*keys, (ADD_SPACE_PREFIX, "bool", False)]


def _read(files: Files) -> list[tuple[str, float, TokenType]]:
    text = files.text(FILE)
    if text is None:
        raise TokenizerError(f"has no {FILE}", where=str(files.root))
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        entry = parse_json(
            line,
            f"{files.where(FILE)}, line {number}",
            error=TokenizerError,
            hint="The file is damaged: download it again.",
        )
        found.append(_entry(files, number, entry))
    if not found:
        raise files.malformed("has no tokens", FILE)
    return found


def _entry(files: Files, number: int, entry: object) -> tuple[str, float, TokenType]:
    if isinstance(entry, list) and len(entry) > 1:
        text, score = entry[:2]
        kind = _TYPES.get(str(entry[2]) if len(entry) > 2 else "NORMAL", TokenType.NORMAL)
        if isinstance(text, str) and type(score) in (int, float) and math.isfinite(score):
            if kind == TokenType.NORMAL and text.startswith("<|plamo:") and text.endswith("|>"):
                kind = TokenType.CONTROL
            return text, float(score), kind
    raise files.malformed(f"line {number} is no token and score: {str(entry)[:100]}", FILE)
