"""SentencePiece BPE: Llama 2, Mistral, Gemma (`tokenizer.ggml.model` "llama").

tokenizer.json, where there is one, decides on the vocabulary, the added tokens and their types;
tokenizer.model then gives scores and nothing else. llama.cpp merges the pair whose result has the
highest score. tokenizer.json has merges in order instead: without fitting scores a token's score is
the negative rank of the first merge that makes it. (The reference converter gives every token the
same score in that case, which loses the order.)
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from quantcli.errors import TokenizerError, enumerated
from quantcli.tokenizer.added_tokens import AddedToken, added_tokens, from_decoder, named_tokens
from quantcli.tokenizer.assembly import assemble
from quantcli.tokenizer.bpe import merge_results
from quantcli.tokenizer.classes import GENERIC, Names, TokenizerClass, tokenizer_class
from quantcli.tokenizer.files import TOKENIZER, Files, steps
from quantcli.tokenizer.hf_vocabulary import (
    SPACE,
    VOCAB_JSON,
    base_ids,
    escapes_spaces,
    hf_vocabulary,
)
from quantcli.tokenizer.sentencepiece_model import UNIGRAM, SentencePieceModel, is_tiktoken, load
from quantcli.tokenizer.vocabulary import ADDED_SCORE, Key, TokenType, Vocabulary

FILE = "tokenizer.model"
MODEL = "llama"
PRE = "default"
ADD_SPACE_PREFIX = "tokenizer.ggml.add_space_prefix"
BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")
"""Spelling of the token of a byte."""
_VERSIONED = re.compile(r"tokenizer\.model\.v(\d+)\w*")
"""Names that Mistral's own checkpoints give the file."""


def is_spm_json(files: Files) -> bool:
    """Return whether tokenizer.json holds a SentencePiece BPE: byte fallback, decoder in steps."""
    model = files.model()
    decoder = (files.tokenizer or {}).get("decoder")
    return (
        model.get("type") == "BPE"
        and model.get("byte_fallback") is True
        and isinstance(decoder, Mapping)
        and decoder.get("type") == "Sequence"
    )


def spm_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of a SentencePiece BPE tokenizer in tokenizer.json, else in tokenizer.model.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name to write for the pre-tokenizer, or None.

    Raises:
        TokenizerError: a file is missing or malformed, or the vocabulary larger than the embedding.
    """
    if files.tokenizer is None or not is_spm_json(files):
        file = model_file(files) or FILE
        return model_keys(files, rows, config, pre, load_model(files, file), file)
    cls = tokenizer_class(files, config)
    vocab, named = _from_json(files, rows, config, cls)
    check_bytes(files, vocab, TOKENIZER)
    names, prefix = Names(named, cls), _prefixes_space(files, cls)
    return _keys(files, config, vocab, names, pre, prefix=prefix)


def model_keys(
    files: Files,
    rows: int | None,
    config: Mapping[str, object],
    pre: str | None,
    model: SentencePieceModel,
    source: str,
) -> list[Key]:
    """Return the keys of a SentencePiece BPE tokenizer in a model of its own format.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name to write for the pre-tokenizer, or None.
        model: the model in `source`.
        source: name of the model's file.

    Raises:
        TokenizerError: an entry is malformed, or the vocabulary larger than the embedding.
    """
    cls = tokenizer_class(files, config)
    if model.model_type == UNIGRAM:
        files.note(
            f"{source} is a Unigram model; llama.cpp splits as if it were BPE with its scores"
        )
    vocab, named = from_model(files, model, rows, config, cls, source)
    check_bytes(files, vocab, source)
    prefix = model.add_dummy_prefix
    if cls.metaspace or files.setting("add_prefix_space") is not None:
        said = files.setting("add_prefix_space")
        prefix = prefix if said is None else said
    return _keys(files, config, vocab, Names(named, cls), pre, prefix=prefix)


def _keys(
    files: Files,
    config: Mapping[str, object],
    vocab: Vocabulary,
    names: Names,
    pre: str | None,
    *,
    prefix: bool,
) -> list[Key]:
    keys = assemble(files, config, vocab, model=MODEL, pre=pre or PRE, names=names)
    if not prefix:
        # llama.cpp puts a space in front of a text by default; this tokenizer does not.
        keys.append((ADD_SPACE_PREFIX, "bool", False))
        files.note("add_space_prefix false is written: the tokenizer puts no space before a text")
    return keys


# ----------------------------------------------------------------------------- tokenizer.json
def _from_json(
    files: Files, rows: int | None, config: Mapping[str, object], cls: TokenizerClass
) -> tuple[Vocabulary, dict[str, str]]:
    base, source = base_ids(files, fallback=VOCAB_JSON)
    unknown = files.model().get("unk_token")
    own = {"unk": unknown} if isinstance(unknown, str) else {}
    named = named_tokens(files, own, cls.names)
    added = added_tokens(files, base, named)
    vocab = hf_vocabulary(
        files,
        base,
        added,
        rows=rows,
        config=config,
        source=source,
        pieces=True,
        escaped=escapes_spaces(files) and not cls.metaspace,
    )
    _note_normalized(files, added)
    _score(files, vocab, base, unknown)
    return vocab, named


def _note_normalized(files: Files, added: Mapping[int, AddedToken]) -> None:
    if not any(step.get("type") == "Prepend" for step in _normalizers(files)):
        return
    for token in added.values():
        if token.normalized:
            files.note(
                "added tokens are looked for in normalized text, where a space comes first; "
                "llama.cpp looks in the text as it is",
                repr(token.content),
            )


def _score(files: Files, vocab: Vocabulary, base: Mapping[str, int], unknown: object) -> None:
    """Give the pieces of tokenizer.json their scores, and bytes and the unknown one their types."""
    scores = _scores(files, base)
    # Below every merge's score: what no merge makes must not come before what one does.
    lowest = min(scores.values(), default=0.0) + ADDED_SCORE
    for text, i in base.items():
        if i >= len(vocab.tokens) or vocab.ids.get(text) != i:
            continue
        if BYTE.fullmatch(text):
            vocab.types[i], vocab.scores[i] = TokenType.BYTE, 0.0
        elif text == unknown and vocab.types[i] != TokenType.USER_DEFINED:
            vocab.types[i], vocab.scores[i] = TokenType.UNKNOWN, 0.0
        elif vocab.types[i] == TokenType.NORMAL:
            vocab.scores[i] = scores.get(text, lowest)
            if len(text) > 1 and text not in scores:
                files.note(
                    f"no merge of {TOKENIZER} makes these tokens of its vocabulary, llama.cpp "
                    "merges to them all the same",
                    repr(text),
                )


def _scores(files: Files, base: Mapping[str, int]) -> dict[str, float]:
    """Return scores by text: tokenizer.model's if they fit tokenizer.json's merges, else ranks."""
    results = merge_results(files)
    # The first merge that makes a token gives its rank, so they are gone through from the last.
    backwards = {text: -rank for rank, text in reversed(list(enumerate(results)))}
    ranks = {text: float(backwards[text]) for text in dict.fromkeys(results)}
    model = _beside(files)
    if model is None:
        return ranks
    known = dict(zip(model.tokens, model.scores, strict=True))
    fits = all(text in known for text in ranks)
    if not fits or any(a < b for a, b in itertools.pairwise(known[text] for text in ranks)):
        files.note(
            f"{FILE} is left aside: its scores are not in the order of {TOKENIZER}'s merges, which "
            "count"
        )
        return ranks
    single = {text: known[text] for text in base if len(text) == 1 and text in known}
    if gone := len(model.tokens) - len(base):
        files.note(
            f"{TOKENIZER} has {len(base)} pieces and {FILE} {len(base) + gone}; {TOKENIZER} counts"
        )
    for text, i in base.items():
        if i < len(model.tokens) and model.tokens[i] != text:
            files.note(
                f"{TOKENIZER} and {FILE} disagree on texts; {TOKENIZER} counts",
                f"id {i} is {text!r}, not {model.tokens[i]!r}",
            )
    return {text: known[text] for text in ranks} | single


def _beside(files: Files) -> SentencePieceModel | None:
    """Return the model in tokenizer.model when there is one that can be read."""
    try:
        return load_model(files, FILE) if (files.root / FILE).is_file() else None
    except TokenizerError as error:
        files.note(f"{FILE} is left aside, {TOKENIZER} has everything: {error.message}")
        return None


def leave_model_aside(files: Files) -> None:
    """Note that a tokenizer.model does not count, where tokenizer.json holds another kind."""
    path = files.path(FILE)
    if path is not None:
        what = "lists tiktoken's ranks, and " if is_tiktoken(path) else "is left aside: "
        files.note(f"{FILE} {what}{TOKENIZER} decides")


def _normalizers(files: Files) -> list[Mapping[str, Any]]:
    return steps((files.tokenizer or {}).get("normalizer"), "normalizers")


def _prefixes_space(files: Files, cls: TokenizerClass) -> bool:
    if cls.metaspace:
        prefix = files.setting("add_prefix_space") is not False
        if prefix:
            _note_metaspace(files, first=files.setting("legacy") is not True)
        return prefix
    if any(step.get("type") == "Prepend" for step in _normalizers(files)):
        return True
    for step in steps((files.tokenizer or {}).get("pre_tokenizer"), "pretokenizers"):
        if step.get("type") == "Metaspace":
            scheme = step.get("prepend_scheme")
            prefix = bool(scheme in {"always", "first"} or step.get("add_prefix_space"))
            if prefix:
                _note_metaspace(files, first=scheme == "first")
            return prefix
    return False


def _note_metaspace(files: Files, *, first: bool) -> None:
    if first:
        files.note(
            "the tokenizer puts a space before the first text only; llama.cpp also puts one after "
            "every special token"
        )
    files.note(
        "the tokenizer puts no second space before a text that begins with one; llama.cpp does"
    )


# ---------------------------------------------------------------------------- tokenizer.model
def model_file(files: Files) -> str | None:
    """Return the name of the folder's SentencePiece model, or None when there is none.

    Mistral's own checkpoints put a version behind the name; the highest one counts.
    """
    if (files.root / FILE).is_file():
        return FILE
    found = [
        (int(match[1]), path.name)
        for path in files.root.glob(f"{FILE}.v*")
        if (match := _VERSIONED.fullmatch(path.name)) and path.is_file()
    ]
    return max(found)[1] if found else None


def load_model(files: Files, name: str) -> SentencePieceModel:
    """Return the SentencePiece model in the file `name`.

    Raises:
        TokenizerError: the file is missing or not such a model; one of tiktoken's is named.
    """
    path = files.path(name)
    if path is None:
        raise TokenizerError(
            f"has neither {TOKENIZER} nor {name}",
            where=str(files.root),
            hint="Put the tokenizer's files beside config.json.",
        )
    if is_tiktoken(path):
        raise TokenizerError(
            "is a list of tiktoken's ranks, not a SentencePiece model",
            where=str(path),
            hint=f"Add the {TOKENIZER} that transformers makes of it; it then decides.",
        )
    return load(Path(path))


def from_model(
    files: Files,
    model: SentencePieceModel,
    rows: int | None,
    config: Mapping[str, object],
    cls: TokenizerClass,
    source: str,
) -> tuple[Vocabulary, dict[str, str]]:
    """Return a SentencePiece model's vocabulary with added tokens, and the special tokens' names.

    Args:
        files: the tokenizer's files.
        model: the model in `source`.
        rows: rows of the embedding, or None.
        config: config.json.
        cls: the tokenizer's class.
        source: name of the model's file.

    Raises:
        TokenizerError: the vocabulary is larger than the embedding, or an entry malformed.
    """
    model = _appended(model, cls.appended)
    tokens = list(model.tokens)
    if cls is GENERIC:
        _rename(files, tokens)
    base = {text: i for i, text in enumerate(tokens)}
    own = {kind: tokens[i] for kind, i in model.special.items() if kind != "pad"}
    named = named_tokens(files, own, cls.names)
    added = added_tokens(files, base, named)
    vocab = hf_vocabulary(files, base, added, rows=rows, config=config, source=source, pieces=True)
    for i in range(min(len(tokens), len(vocab.tokens))):
        vocab.scores[i] = model.scores[i]
        if i in added and vocab.types[i] in (TokenType.USER_DEFINED, TokenType.CONTROL):
            if model.types[i] in (TokenType.UNKNOWN, TokenType.CONTROL, TokenType.BYTE):
                vocab.types[i] = model.types[i]
            continue
        vocab.types[i] = model.types[i]
        if model.types[i] == TokenType.USER_DEFINED and SPACE in tokens[i]:
            # llama.cpp matches user-defined tokens before it puts the first space and escapes
            # spaces, SentencePiece after that: a run of spaces is found by merging or not at all.
            vocab.types[i] = TokenType.NORMAL
    return vocab, named


def _appended(model: SentencePieceModel, texts: tuple[str, ...]) -> SentencePieceModel:
    """Put a class's own control tokens behind the model's."""
    new = [text for text in texts if text not in model.tokens]
    return replace(
        model,
        tokens=[*model.tokens, *new],
        scores=[*model.scores, *[0.0] * len(new)],
        types=[*model.types, *[int(TokenType.CONTROL)] * len(new)],
    )


def _rename(files: Files, tokens: list[str]) -> None:
    """Give pieces the texts that tokenizer_config.json has for their ids, as transformers does."""
    listed: list[tuple[int, AddedToken]] = from_decoder(files)
    names = {i: token.content for i, token in listed if i < len(tokens)}
    kept = {text for i, text in enumerate(tokens) if i not in names}
    for i, text in names.items():
        if text not in kept and tokens[i] != text:
            files.note(
                f"pieces of {FILE} have another text in tokenizer_config.json, which counts",
                f"id {i} {text!r}, not {tokens[i]!r}",
            )
            tokens[i] = text


def check_bytes(files: Files, vocab: Vocabulary, source: str) -> None:
    """Refuse a vocabulary without a token for every byte.

    llama.cpp writes characters that the vocabulary lacks as the bytes of their UTF-8, and stops
    with an error at a byte that it has no token for.

    Args:
        files: for the error's place.
        vocab: the finished vocabulary.
        source: the file of the vocabulary.

    Raises:
        TokenizerError: byte tokens are missing.
    """
    missing = [text for value in range(256) if (text := f"<0x{value:02X}>") not in vocab.ids]
    if missing:
        raise TokenizerError(
            f"{len(missing)} of the 256 byte tokens are missing ({enumerated(missing)}): llama.cpp "
            "stops with an error at characters that the vocabulary lacks",
            where=files.where(source),
            hint="Only SentencePiece models with byte fallback can be converted.",
        )
