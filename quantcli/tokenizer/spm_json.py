"""SentencePiece BPE that a checkpoint has as tokenizer.json only (`tokenizer.ggml.model` "llama").

llama.cpp merges the pair whose result has the highest score. tokenizer.json has merges in order
instead of scores, so a token's score is the negative rank of the first merge that makes it. (The
reference converter gives every token the same score, which loses that order.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from quantcli.tokenizer.added_tokens import AddedToken, added_tokens
from quantcli.tokenizer.bpe import merge_pairs
from quantcli.tokenizer.chat_template import chat_template_keys
from quantcli.tokenizer.files import TOKENIZER, Files, steps
from quantcli.tokenizer.hf_vocabulary import VOCAB_JSON, base_ids, texts_by_id
from quantcli.tokenizer.normalizer import normalizer_keys
from quantcli.tokenizer.special_tokens import special_tokens
from quantcli.tokenizer.spm import ADD_SPACE_PREFIX, MODEL, PRE
from quantcli.tokenizer.vocabulary import (
    ADDED_SCORE,
    Key,
    TokenType,
    Vocabulary,
    blank,
    final_size,
    make_unique,
)

_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")
_SPACE = "\u2581"


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


def spm_json_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of a SentencePiece BPE tokenizer in tokenizer.json.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name to write for the pre-tokenizer, or None.

    Raises:
        TokenizerError: tokenizer.json is malformed, or the vocabulary larger than the embedding.
    """
    ids, _ = base_ids(files, fallback=VOCAB_JSON)
    added = added_tokens(files, ids)
    texts = texts_by_id(files, ids, added)
    size = final_size(files, max(texts) + 1, rows, config, TOKENIZER)
    vocab = _vocabulary(texts, added, merge_scores(merge_pairs(files)), size)
    make_unique(files, vocab)
    keys = vocab.keys(MODEL, pre or PRE)
    special = special_tokens(files, config, size)
    if "bos" not in special.add and not _is_llama_class(files):
        # llama.cpp adds bos to this kind of tokenizer by default.
        special.add["bos"] = False
        files.note("add_bos_token false is written: tokenizer.json adds none")
    keys += special.keys() + chat_template_keys(files) + normalizer_keys(files)
    if not _prefixes_space(files) and "add_prefix_space" not in files.settings:
        keys.append((ADD_SPACE_PREFIX, "bool", False))
        files.note("add_space_prefix false is written: tokenizer.json puts no space before a text")
    return keys


def merge_scores(merges: list[tuple[str, str]]) -> dict[str, float]:
    """Return the score of every token that a merge makes: 0 for the first merge, then downwards."""
    scores: dict[str, float] = {}
    for rank, (left, right) in enumerate(merges):
        scores.setdefault(left + right, -float(rank))
    return scores


def _vocabulary(
    texts: Mapping[int, str],
    added: Mapping[int, AddedToken],
    scores: Mapping[str, float],
    size: int,
) -> Vocabulary:
    vocab = blank(size)
    # Below every merge's score: what no merge makes must not come before what one does.
    lowest = ADDED_SCORE - len(scores)
    for i, text in texts.items():
        token = added.get(i)
        vocab.tokens[i], vocab.types[i] = text, TokenType.NORMAL
        if _BYTE.fullmatch(text):
            vocab.types[i] = TokenType.BYTE
        elif token is not None and token.special:
            vocab.types[i] = TokenType.CONTROL
        elif token is not None:
            # Matched in the text before spaces are escaped.
            vocab.tokens[i], vocab.types[i] = text.replace(_SPACE, " "), TokenType.USER_DEFINED
        vocab.scores[i] = scores.get(text, lowest)
    return vocab


def _is_llama_class(files: Files) -> bool:
    """Whether the tokenizer's class adds bos by default, when nothing else is said."""
    name = str(files.settings.get("tokenizer_class", "")).removesuffix("Fast")
    has_processor = bool((files.tokenizer or {}).get("post_processor"))
    return name in {"LlamaTokenizer", "CodeLlamaTokenizer"} and not has_processor


def _prefixes_space(files: Files) -> bool:
    tokenizer = files.tokenizer or {}
    if any(s.get("type") == "Prepend" for s in steps(tokenizer.get("normalizer"), "normalizers")):
        return True
    for step in steps(tokenizer.get("pre_tokenizer"), "pretokenizers"):
        if step.get("type") == "Metaspace":
            scheme = step.get("prepend_scheme")
            if scheme == "first":
                files.note(
                    "the tokenizer puts a space before the first text only; llama.cpp also puts "
                    "one after every special token"
                )
            return bool(scheme in {"always", "first"} or step.get("add_prefix_space"))
    return False
