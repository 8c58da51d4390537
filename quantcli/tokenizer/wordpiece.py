"""WordPiece, the tokenizer of BERT (`tokenizer.ggml.model` "bert")."""

from __future__ import annotations

from collections.abc import Mapping

from quantcli.errors import TokenizerError
from quantcli.tokenizer.chat_template import chat_template_keys
from quantcli.tokenizer.files import TOKENIZER, Files
from quantcli.tokenizer.hf_vocabulary import VOCAB_TXT, hf_vocabulary
from quantcli.tokenizer.normalizer import normalizer_keys
from quantcli.tokenizer.special_tokens import special_tokens
from quantcli.tokenizer.vocabulary import Key, TokenType, make_unique

MODEL = "bert"
PRE = "jina-v2-en"
"""What llama.cpp's converter writes for the vocabulary of bert-base-uncased; nothing reads it."""
_STANDARD = {"bos": "[CLS]", "unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "mask": "[MASK]"}
_WORD = "\u2581"


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
    vocab = hf_vocabulary(files, rows, config, fallback=VOCAB_TXT)
    special = special_tokens(files, config, len(vocab.tokens))
    place = {text: i for i, text in enumerate(vocab.tokens)}
    if not files.settings or files.tokenizer is None:
        # The settings would name them. llama.cpp assumes the ids of bert-base-uncased instead.
        for name, text in _STANDARD.items():
            if name not in special.ids and text in place:
                special.ids[name] = place[text]
                vocab.types[place[text]] = TokenType.CONTROL
    prefix = model.get("continuing_subword_prefix", "##")
    if not isinstance(prefix, str):
        raise files.malformed(f"continuing_subword_prefix is {prefix!r}")
    vocab.tokens = [
        text
        if t == TokenType.CONTROL
        else text[len(prefix) :]
        if text.startswith(prefix)
        else _WORD + text
        for text, t in zip(vocab.tokens, vocab.types, strict=True)
    ]
    make_unique(files, vocab)
    keys = vocab.keys(MODEL, pre or PRE)
    return keys + special.keys() + chat_template_keys(files) + normalizer_keys(files)
