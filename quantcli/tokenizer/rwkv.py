"""RWKV's world tokenizer: the longest token that fits, of a text file of literals."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from quantcli.errors import TokenizerError
from quantcli.tokenizer.added_tokens import named_tokens
from quantcli.tokenizer.assembly import assemble
from quantcli.tokenizer.classes import GENERIC, Names
from quantcli.tokenizer.files import Files
from quantcli.tokenizer.vocabulary import (
    Key,
    TokenType,
    blank,
    configured_size,
)

FILE = "rwkv_vocab_v20230424.txt"
MODEL = "rwkv"
_FIRST = "<s>"
"""Text of the id 0, which begins and ends a text and is in no file."""
_TURN = "\\n\\n"
"""How the token of two line feeds is written: RWKV's chats end a turn with it."""
_TEMPLATE = "rwkv-world"
"""Name by which llama.cpp knows the chat format of models that have no template."""
_SIZE = 65536


def rwkv_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of RWKV's world tokenizer.

    GGUF has texts, and tokens are bytes here: a token is written as Python writes it inside b''.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: not used: a token may begin anywhere.

    Raises:
        TokenizerError: the file is missing or malformed, or larger than the embedding.
    """
    tokens = read(files)
    size = rows or configured_size(config, "vocab_size") or max(_SIZE, 1 + max(tokens))
    if max(tokens) >= size:
        raise TokenizerError(
            f"has the id {max(tokens)}, and the embedding {size} rows", where=files.where(FILE)
        )
    vocab = blank(size)
    for i, token in tokens.items():
        vocab.tokens[i], vocab.types[i] = repr(token)[2:-1], TokenType.NORMAL
    vocab.tokens[0], vocab.types[0] = _FIRST, TokenType.CONTROL
    vocab.ids = {text: i for i, text in enumerate(vocab.tokens) if i in tokens or i == 0}
    named = {"bos": _FIRST, "eos": _FIRST, **named_tokens(files, {}, {})}
    if _TURN in vocab.ids:
        named["eot"] = _TURN
    keys = assemble(files, config, vocab, model=MODEL, pre=None, names=Names(named, GENERIC))
    if not any(key == "tokenizer.chat_template" for key, *_ in keys):
        keys.append(("tokenizer.chat_template", "string", _TEMPLATE))
    return keys


def read(files: Files) -> dict[int, bytes]:
    """Return token by id of a file whose lines are an id, a literal of Python, and its length.

    Raises:
        TokenizerError: the file is missing or a line malformed.
    """
    text = files.text(FILE)
    if text is None:
        raise TokenizerError(f"has no {FILE}", where=str(files.root))
    tokens: dict[int, bytes] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        first, _, rest = line.partition(" ")
        literal, _, length = rest.rpartition(" ")
        try:
            value = ast.literal_eval(literal)
            token = value.encode() if isinstance(value, str) else value
            i = int(first)
            sound = isinstance(token, bytes) and len(token) == int(length) and 0 < i < _SIZE
        except (ValueError, SyntaxError, MemoryError):
            sound = False
        if not sound or i in tokens or not token:
            raise files.malformed(
                f"line {number} is no id, literal and length of a token: {line[:100]!r}", FILE
            )
        tokens[i] = token
    if not tokens:
        raise files.malformed("has no tokens", FILE)
    return tokens
