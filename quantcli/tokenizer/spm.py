"""SentencePiece BPE from tokenizer.model: Llama 2, Mistral (`tokenizer.ggml.model` "llama")."""

from __future__ import annotations

from collections.abc import Mapping

from quantcli.errors import TokenizerError
from quantcli.tokenizer.chat_template import chat_template_keys
from quantcli.tokenizer.files import ADDED, SETTINGS, Files
from quantcli.tokenizer.normalizer import normalizer_keys
from quantcli.tokenizer.sentencepiece_model import UNIGRAM, SentencePieceModel, load
from quantcli.tokenizer.special_tokens import SpecialTokens, special_tokens
from quantcli.tokenizer.vocabulary import (
    ADDED_SCORE,
    Key,
    TokenType,
    Vocabulary,
    blank,
    configured_size,
    final_size,
    looks_special,
    make_unique,
)

FILE = "tokenizer.model"
MODEL = "llama"
PRE = "default"
ADD_SPACE_PREFIX = "tokenizer.ggml.add_space_prefix"
_SPACE = "\u2581"


def has_model(files: Files) -> bool:
    """Return whether there is a tokenizer.model."""
    return (files.root / FILE).is_file()


def spm_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of a SentencePiece BPE tokenizer in tokenizer.model.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name to write for the pre-tokenizer, or None.

    Raises:
        TokenizerError: the file is missing or not such a model, or the vocabulary larger than the
            embedding.
    """
    path = files.path(FILE)
    if path is None:
        raise TokenizerError(
            f"has no {FILE}", where=str(files.root), hint="Put it beside config.json."
        )
    model = load(path)
    if model.model_type == UNIGRAM:
        files.note(f"{FILE} is a Unigram model; llama.cpp splits as if it were BPE with its scores")
    size = rows or configured_size(config, "vocab_size_per_layer_input", "vocab_size")
    size = final_size(files, len(model.tokens), size, {}, FILE)
    vocab = spm_vocabulary(files, model, size)
    make_unique(files, vocab)
    keys = vocab.keys(MODEL, pre or PRE)
    special = special_tokens(files, config, size)
    add_model_ids(files, special, model, {"bos": 1, "eos": 2, "unk": 0})
    keys += special.keys()
    keys += chat_template_keys(files) + normalizer_keys(files)
    if not model.add_dummy_prefix and "add_prefix_space" not in files.settings:
        # llama.cpp puts a space in front of a text by default; this tokenizer does not.
        keys.append((ADD_SPACE_PREFIX, "bool", False))
        files.note(f"add_space_prefix false is written: {FILE} adds no space in front of a text")
    return keys


def add_model_ids(
    files: Files, special: SpecialTokens, model: SentencePieceModel, assumed: Mapping[str, int]
) -> None:
    """Add the model's own special ids where nothing else gave one and llama.cpp assumes another.

    Args:
        files: for the notes.
        special: what the other files say; changed in place.
        model: the SentencePiece model.
        assumed: ids llama.cpp assumes, by kind.
    """
    for kind, i in model.special.items():
        if kind not in special.ids and kind in assumed and assumed[kind] != i:
            special.ids[kind] = i
            files.note(f"the {kind} token id {i} is the SentencePiece model's own")


def spm_vocabulary(
    files: Files, model: SentencePieceModel, size: int, *, first_added: int = 0
) -> Vocabulary:
    """Return the model's pieces with the added tokens over them, padded to `size` ids.

    Added tokens below the id `first_added` leave the piece as it is. Those beyond `size` are left
    out with a note: many checkpoints list a padding token that their embedding has no row for.
    """
    vocab = blank(size)
    n = len(model.tokens)
    vocab.tokens[:n], vocab.scores[:n], vocab.types[:n] = model.tokens, model.scores, model.types
    for i in range(n):
        if vocab.types[i] == TokenType.USER_DEFINED and _SPACE in vocab.tokens[i]:
            # llama.cpp matches user-defined tokens before it puts the first space and escapes
            # spaces, SentencePiece after that: a run of spaces is found by merging or not at all.
            vocab.types[i] = TokenType.NORMAL
    for i, text, special in _added(files):
        if i >= size:
            files.note(f"the added token {text!r} has id {i}, the embedding {size} rows: left out")
            continue
        if i < first_added:
            continue
        vocab.scores[i] = ADDED_SCORE
        if special or (special is not None and looks_special(text)):
            vocab.tokens[i], vocab.types[i] = text, TokenType.CONTROL
        else:
            vocab.tokens[i] = text.replace(_SPACE, " ")
            vocab.types[i] = TokenType.USER_DEFINED
    return vocab


def _added(files: Files) -> list[tuple[int, str, bool | None]]:
    """Id, text and whether special (None when the file does not say) of the added tokens."""
    found: list[tuple[int, str, bool | None]] = []
    for text, i in (files.object(ADDED) or {}).items():
        if type(i) is not int or i < 0:
            raise files.malformed(f"token {text!r} has the id {i!r}", ADDED)
        found.append((i, text, None))
    decoder = files.settings.get("added_tokens_decoder")
    if isinstance(decoder, Mapping):
        for key, entry in decoder.items():
            if not str(key).isdecimal() or not isinstance(entry, Mapping):
                raise files.malformed(f'"added_tokens_decoder" holds {key!r}: {entry!r}', SETTINGS)
            shown = entry.get("content")
            if not isinstance(shown, str):
                raise files.malformed(f"added token {key} has no content", SETTINGS)
            found.append((int(key), shown, bool(entry.get("special"))))
    return found
