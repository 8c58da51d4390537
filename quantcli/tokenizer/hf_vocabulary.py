"""The vocabulary by id: base tokens, added tokens over them, holes, and the embedding's rows."""

from __future__ import annotations

from collections.abc import Mapping

from quantcli.errors import TokenizerError
from quantcli.tokenizer.added_tokens import MOST, AddedToken, check_id
from quantcli.tokenizer.files import TOKENIZER, Files, steps
from quantcli.tokenizer.vocabulary import (
    ADDED_SCORE,
    TokenType,
    Vocabulary,
    blank,
    configured_size,
    looks_special,
)

VOCAB_JSON = "vocab.json"
VOCAB_TXT = "vocab.txt"
SPACE = "\u2581"
"""SentencePiece's letter for a space."""


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
    if not all(type(value) is int and 0 <= value < MOST for value in vocab.values()):
        for text, value in vocab.items():
            check_id(files, file, text, value)
    return vocab


def hf_vocabulary(
    files: Files,
    base: Mapping[str, int],
    added: Mapping[int, AddedToken],
    *,
    rows: int | None,
    config: Mapping[str, object],
    source: str,
    pieces: bool = False,
    escaped: bool = False,
) -> Vocabulary:
    """Return texts and types of every id, added tokens over base ones.

    Ids without a token become unused `[PAD<id>]`. Added tokens become control tokens when special
    or spelled like one, else user-defined ones. Added tokens beyond the embedding's rows are left
    out with a note, whatever names them: a model cannot read or write them. Scores are those of
    added tokens and holes; the caller knows the others.

    Args:
        files: for the notes and the errors' place.
        base: text to id of the base vocabulary.
        added: the added tokens by id.
        rows: rows of the embedding, or None.
        config: config.json, whose vocab_size stands in for unknown rows.
        source: the file of the base vocabulary.
        pieces: the base vocabulary is SentencePiece's, with `SPACE` for a space.
        escaped: added tokens that are looked for in normalized text find `SPACE` for a space there.

    Raises:
        TokenizerError: the base vocabulary has more ids than the embedding has rows.
    """
    needed = 1 + max(*base.values(), *added, 0)
    size = rows or configured_size(config, "vocab_size_per_layer_input", "vocab_size") or needed
    _check_rows(files, base, added, size, source)
    for i in sorted(i for i in added if i >= size):
        files.note(
            f"added tokens beyond the embedding's {size} rows are left out",
            f"{added[i].content!r} (id {i})",
        )
    vocab = blank(size)
    for text, i in base.items():
        if i >= size:
            continue
        if vocab.types[i] != TokenType.UNUSED:
            files.note("ids with two texts keep the first", f"{i}: {vocab.tokens[i]!r}, {text!r}")
            continue
        vocab.tokens[i], vocab.types[i], vocab.ids[text] = text, TokenType.NORMAL, i
    _place_added(files, vocab, added, pieces=pieces, escaped=escaped)
    _note_holes(files, vocab, min(needed, size))
    return vocab


def _check_rows(
    files: Files,
    base: Mapping[str, int],
    added: Mapping[int, AddedToken],
    size: int,
    source: str,
) -> None:
    """Refuse a base vocabulary beyond the rows: llama.cpp would lose text that merges into it."""
    beyond = [text for text, i in base.items() if i >= size and i not in added]
    if beyond:
        raise TokenizerError(
            f"the tokenizer needs {1 + max(base.values())} ids, the embedding has {size} rows "
            f"({len(beyond)} tokens of the base vocabulary are beyond them)",
            where=files.where(source),
            hint="The tokenizer is another model's, or config.json's vocab_size is wrong.",
        )


def _place_added(
    files: Files,
    vocab: Vocabulary,
    added: Mapping[int, AddedToken],
    *,
    pieces: bool,
    escaped: bool,
) -> None:
    for i, token in added.items():
        if i >= len(vocab.tokens):
            continue
        before, text = vocab.tokens[i], token.content
        if vocab.types[i] != TokenType.UNUSED and before != text:
            vocab.ids.pop(before, None)
        vocab.ids[text], vocab.scores[i] = i, ADDED_SCORE
        if token.special or looks_special(text):
            vocab.tokens[i], vocab.types[i] = text, TokenType.CONTROL
        elif token.normalized and escaped:
            # Looked for where spaces are escaped already; llama.cpp looks before that.
            vocab.tokens[i], vocab.types[i] = text.replace(SPACE, " "), TokenType.USER_DEFINED
        elif pieces and SPACE in text and before == text:
            # Looked for in the text as it is, which has no such letter: merges make it.
            vocab.types[i] = TokenType.NORMAL
        else:
            vocab.tokens[i], vocab.types[i] = text, TokenType.USER_DEFINED
        bounds = [name for name in token.bounds if text.strip("<[|]>").lower() != "mask"]
        if bounds:
            files.note(
                "added tokens take or demand something beside them, which llama.cpp does not",
                f"{text!r} {', '.join(bounds)}",
            )


def escapes_spaces(files: Files) -> bool:
    """Return whether tokenizer.json's normalizer writes SentencePiece's letter for every space."""
    for step in steps((files.tokenizer or {}).get("normalizer"), "normalizers"):
        pattern = step.get("pattern")
        found = pattern.get("String") if isinstance(pattern, Mapping) else None
        if step.get("type") == "Replace" and found == " " and step.get("content") == SPACE:
            return True
    return False


def _note_holes(files: Files, vocab: Vocabulary, needed: int) -> None:
    size = len(vocab.tokens)
    if size > needed:
        files.note(
            f"{size - needed} ids beyond the tokenizer's {needed} are written as unused [PAD<id>] "
            f"tokens to match the embedding's {size} rows"
        )
    if holes := vocab.types[:needed].count(TokenType.UNUSED):
        files.note(f"{holes} ids without a token are written as unused [PAD<id>] tokens")
