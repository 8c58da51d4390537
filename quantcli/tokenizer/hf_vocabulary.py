"""The vocabulary of a Hugging Face tokenizer by id: base tokens, added tokens, holes."""

from __future__ import annotations

from collections.abc import Mapping

from quantcli.errors import TokenizerError
from quantcli.tokenizer.added_tokens import AddedToken, added_tokens, check_id
from quantcli.tokenizer.files import TOKENIZER, Files
from quantcli.tokenizer.vocabulary import (
    TokenType,
    Vocabulary,
    final_size,
    looks_special,
)

VOCAB_JSON = "vocab.json"
VOCAB_TXT = "vocab.txt"


def base_ids(files: Files, *, fallback: str) -> tuple[dict[str, int], str]:
    """Return the base vocabulary, text to id, and the file it came from.

    Args:
        files: the tokenizer's files.
        fallback: file of the vocabulary when there is no tokenizer.json: vocab.json or vocab.txt.

    Raises:
        TokenizerError: neither file is there, or the vocabulary is malformed.
    """
    if files.tokenizer is not None:
        return _checked(files, TOKENIZER, files.model().get("vocab")), TOKENIZER
    if fallback == VOCAB_JSON:
        ids: object = files.object(VOCAB_JSON)
    else:
        text = files.text(VOCAB_TXT)
        # Lines end with a line feed alone: other line separators of Unicode are tokens here.
        ids = None if text is None else {t: i for i, t in enumerate(text.rstrip("\n").split("\n"))}
    if ids is None:
        raise TokenizerError(
            f"has neither {TOKENIZER} nor {fallback}",
            where=str(files.root),
            hint="Put the tokenizer's files beside config.json.",
        )
    return _checked(files, fallback, ids), fallback


def _checked(files: Files, file: str, vocab: object) -> dict[str, int]:
    if isinstance(vocab, list):  # Unigram: [text, score] in the order of ids
        if not all(isinstance(e, list) and len(e) == 2 and isinstance(e[0], str) for e in vocab):
            raise files.malformed('"vocab" holds an entry that is not [text, score]', file)
        vocab = {entry[0]: i for i, entry in enumerate(vocab)}
    if not isinstance(vocab, dict) or not vocab:
        raise files.malformed('has no vocabulary (an object "vocab" of texts and ids)', file)
    if any(type(value) is not int or value < 0 for value in vocab.values()):
        for text, value in vocab.items():
            check_id(files, file, text, value)
    return vocab


def texts_by_id(
    files: Files, ids: Mapping[str, int], added: Mapping[int, AddedToken]
) -> dict[int, str]:
    """Return text by id, added tokens over base ones; of two texts of one id the first stays."""
    texts: dict[int, str] = {}
    for text, i in ids.items():
        if texts.setdefault(i, text) != text:
            files.note(f"id {i} has two texts; {texts[i]!r} is kept, {text!r} is left out")
    texts.update((i, token.content) for i, token in added.items())
    return texts


def hf_vocabulary(
    files: Files,
    rows: int | None,
    config: Mapping[str, object],
    *,
    fallback: str,
) -> Vocabulary:
    """Return texts and types of every id as llama.cpp's converter gives them, without scores.

    Ids without a token become unused `[PAD<id>]`; added tokens become control tokens when special
    or spelled like one, else user-defined ones with a plain space for every `▁`.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        fallback: see `base_ids`.

    Raises:
        TokenizerError: the vocabulary is malformed or larger than the embedding.
    """
    ids, source = base_ids(files, fallback=fallback)
    added = added_tokens(files, ids)
    texts = texts_by_id(files, ids, added)
    size = final_size(files, max(texts) + 1, rows, config, source)
    if holes := max(texts) + 1 - len(texts):
        files.note(f"{holes} ids without a token are written as unused [PAD<id>] tokens")
    tokens = [texts.get(i, f"[PAD{i}]") for i in range(size)]
    types: list[int] = [TokenType.NORMAL if i in texts else TokenType.UNUSED for i in range(size)]
    for i, token in added.items():
        if token.special or looks_special(token.content):
            types[i] = TokenType.CONTROL
        else:
            tokens[i], types[i] = token.content.replace("\u2581", " "), TokenType.USER_DEFINED
    return Vocabulary(tokens, types)
