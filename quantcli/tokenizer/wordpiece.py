"""WordPiece, the tokenizer of BERT (`tokenizer.ggml.model` "bert")."""

from __future__ import annotations

from collections.abc import Mapping

from quantcli.errors import TokenizerError
from quantcli.tokenizer.added_tokens import added_tokens, named_tokens
from quantcli.tokenizer.assembly import assemble
from quantcli.tokenizer.classes import CLASSES, Names, tokenizer_class
from quantcli.tokenizer.files import TOKENIZER, Files
from quantcli.tokenizer.hf_vocabulary import SPACE, VOCAB_TXT, base_ids, hf_vocabulary
from quantcli.tokenizer.vocabulary import Key, TokenType, Vocabulary

MODEL = "bert"
PRE = "jina-v2-en"
"""What llama.cpp's converter writes for the vocabulary of bert-base-uncased; nothing reads it."""


def wordpiece_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of a WordPiece tokenizer.

    GGUF marks the beginning of a word (`▁word`) where WordPiece marks its continuation (`##ing`);
    control tokens keep their text.

    Args:
        files: the tokenizer's files: tokenizer.json, or vocab.txt.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name to write for the pre-tokenizer, or None.

    Raises:
        TokenizerError: a file is missing or malformed, or the vocabulary larger than the embedding.
    """
    model = files.model()
    kind = model.get("type", "WordPiece")
    if kind != "WordPiece":
        raise TokenizerError(
            f"holds a {kind} tokenizer where this architecture has WordPiece",
            where=files.where(TOKENIZER),
        )
    cls = tokenizer_class(files, config)
    if not cls.bert and files.tokenizer is None:
        cls = CLASSES["BertTokenizer"]
    base, source = base_ids(files, fallback=VOCAB_TXT)
    prefix, own = model.get("continuing_subword_prefix", "##"), {}
    if not isinstance(prefix, str):
        raise files.malformed(f"continuing_subword_prefix is {prefix!r}")
    if isinstance(model.get("unk_token"), str):
        own["unk"] = model["unk_token"]
    # Without names llama.cpp would assume the ids of bert-base-uncased.
    defaults = cls.names or {k: t for k, t in CLASSES["BertTokenizer"].names.items() if t in base}
    named = named_tokens(files, own, defaults)
    added = added_tokens(files, base, named)
    vocab = hf_vocabulary(files, base, added, rows=rows, config=config, source=source)
    return assemble(
        files,
        config,
        vocab,
        model=MODEL,
        pre=pre or PRE,
        names=Names(named, cls),
        rewrite=lambda vocab: _mark_beginnings(vocab, prefix),
    )


def _mark_beginnings(vocab: Vocabulary, prefix: str) -> None:
    """Mark beginnings of words instead of continuations; control tokens keep their text."""
    vocab.tokens = [
        text
        if kind in (TokenType.CONTROL, TokenType.USER_DEFINED)
        else text[len(prefix) :]
        if text.startswith(prefix)
        else SPACE + text
        for text, kind in zip(vocab.tokens, vocab.types, strict=True)
    ]
