"""What every kind of tokenizer shares once its vocabulary is built: the keys, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from quantcli.tokenizer.chat_template import chat_template_keys
from quantcli.tokenizer.classes import Names
from quantcli.tokenizer.files import Files
from quantcli.tokenizer.fill_in import fill_in_keys
from quantcli.tokenizer.normalizer import normalizer_keys
from quantcli.tokenizer.runtime import finish
from quantcli.tokenizer.special_tokens import special_tokens
from quantcli.tokenizer.stop_tokens import add_stop_tokens
from quantcli.tokenizer.vocabulary import Key, Vocabulary, make_unique

_SCORED = {"llama", "t5", "plamo2", "gemma4"}
"""Kinds of tokenizers whose tokens have scores."""


def assemble(
    files: Files,
    config: Mapping[str, object],
    vocab: Vocabulary,
    *,
    model: str,
    pre: str | None,
    names: Names,
    options: list[Key] | None = None,
    rewrite: Callable[[Vocabulary], None] | None = None,
) -> list[Key]:
    """Return the keys of a tokenizer: vocabulary, options, special tokens, chat templates.

    Args:
        files: the tokenizer's files.
        config: config.json.
        vocab: the vocabulary; changed in place.
        model: tokenizer.ggml.model.
        pre: tokenizer.ggml.pre; None for a kind that has none.
        names: what its special tokens are called.
        options: keys of this kind of tokenizer, written after the vocabulary.
        rewrite: changes the texts to those that llama.cpp matches, once special tokens are found.

    Raises:
        TokenizerError: a part of a file is malformed, or a special token is missing that this kind
            of tokenizer cannot do without.
    """
    special = special_tokens(files, config, vocab, names)
    add_stop_tokens(files, config, special, vocab)
    told = files.tokenizer is not None or names.cls.around is not None
    known = told or model not in {"llama", "t5"}
    finish(files, special, vocab, model, pre, known=known)
    if rewrite is not None:
        rewrite(vocab)
    make_unique(files, vocab)
    keys = vocab.keys(model, pre, scored=model in _SCORED)
    keys += (options or []) + special.keys() + fill_in_keys(vocab)
    keys += chat_template_keys(files) + normalizer_keys(files, names.cls)
    _check_texts(files, keys)
    return keys


def _check_texts(files: Files, keys: list[Key]) -> None:
    """Refuse texts with half a surrogate pair: JSON can hold them, UTF-8 and GGUF cannot."""
    for key, kind, value in keys:
        texts = [value] if kind == "string" else value if kind == "array:string" else ()
        assert isinstance(texts, list | tuple)  # by the type of the key's value
        try:
            "".join(texts).encode()
        except UnicodeEncodeError as error:
            raise files.malformed(f"a text for {key} is not Unicode: {error.reason}") from error
