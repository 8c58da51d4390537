"""SentencePiece Unigram: T5 and XLM-RoBERTa (`tokenizer.ggml.model` "t5")."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from quantcli.errors import TokenizerError
from quantcli.tokenizer.added_tokens import added_tokens
from quantcli.tokenizer.chat_template import chat_template_keys
from quantcli.tokenizer.files import TOKENIZER, Files, steps
from quantcli.tokenizer.hf_vocabulary import VOCAB_JSON, base_ids, texts_by_id
from quantcli.tokenizer.normalizer import normalizer_keys
from quantcli.tokenizer.sentencepiece_model import BPE, load
from quantcli.tokenizer.special_tokens import special_tokens
from quantcli.tokenizer.spm import (
    ADD_SPACE_PREFIX,
    FILE,
    PRE,
    add_model_ids,
    spm_keys,
    spm_vocabulary,
)
from quantcli.tokenizer.vocabulary import (
    Key,
    TokenType,
    Vocabulary,
    blank,
    configured_size,
    final_size,
    make_unique,
)

MODEL = "t5"
FAIRSEQ = "sentencepiece.bpe.model"
_FILES = (FILE, "spiece.model", FAIRSEQ)
_FAIRSEQ_FIRST = ("<s>", "<pad>", "</s>", "<unk>")
"""The first ids of fairseq's vocabularies; the model's own three special pieces are dropped."""


def unigram_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of a Unigram tokenizer.

    Args:
        files: the tokenizer's files: tokenizer.model, spiece.model, sentencepiece.bpe.model (whose
            ids are moved to fairseq's) or tokenizer.json, the first there is.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name to write for the pre-tokenizer, or None.

    Raises:
        TokenizerError: a file is missing or malformed, or the vocabulary larger than the embedding.
    """
    file = next((name for name in _FILES if (files.root / name).is_file()), None)
    model = None
    if file is None:
        vocab, options = _from_json(files, rows, config)
    else:
        path = files.path(file)
        assert path is not None  # just seen
        model = load(path)
        if model.model_type == BPE and file == FILE:
            return spm_keys(files, rows, config, pre)
        # fairseq has one special token more than the model.
        needed = len(model.tokens) + (file == FAIRSEQ)
        size = final_size(files, needed, rows or configured_size(config, "vocab_size"), {}, file)
        vocab = spm_vocabulary(files, model, size, first_added=len(model.tokens))
        if file == FAIRSEQ:
            vocab = _to_fairseq(files, vocab)
        options = _options(
            prefix=model.add_dummy_prefix,
            spaces=model.remove_extra_whitespaces,
            charsmap=model.charsmap,
        )
    make_unique(files, vocab)
    special = special_tokens(files, config, len(vocab.tokens))
    if model is not None and file != FAIRSEQ:
        add_model_ids(files, special, model, {"eos": 1, "unk": 2, "pad": 0})
    keys = vocab.keys(MODEL, pre or PRE) + options + special.keys()
    return keys + chat_template_keys(files) + normalizer_keys(files)


def _options(*, prefix: bool, spaces: bool, charsmap: bytes) -> list[Key]:
    keys: list[Key] = [
        (ADD_SPACE_PREFIX, "bool", prefix),
        ("tokenizer.ggml.remove_extra_whitespaces", "bool", spaces),
    ]
    if charsmap:
        keys.append(("tokenizer.ggml.precompiled_charsmap", "array:uint8", tuple(charsmap)))
    return keys


def _to_fairseq(files: Files, vocab: Vocabulary) -> Vocabulary:
    """Move the pieces to fairseq's ids: four special tokens first, everything else one up."""
    control = TokenType.CONTROL
    moved = Vocabulary(
        [*_FAIRSEQ_FIRST, *vocab.tokens[3:-1]],
        [control, control, control, TokenType.UNKNOWN, *vocab.types[3:-1]],
        [0.0, 0.0, 0.0, 0.0, *vocab.scores[3:-1]],
    )
    if files.tokenizer is not None:
        for i, token in added_tokens(files, {}).items():
            if i < len(moved.tokens) and moved.types[i] == TokenType.UNUSED:
                kind = control if token.special else TokenType.USER_DEFINED
                moved.tokens[i], moved.types[i], moved.scores[i] = token.content, kind, 0.0
    return moved


def _from_json(
    files: Files, rows: int | None, config: Mapping[str, object]
) -> tuple[Vocabulary, list[Key]]:
    model = files.model()
    if model.get("type") != "Unigram":
        raise TokenizerError(
            f"has none of {', '.join(_FILES)} and no Unigram tokenizer in {TOKENIZER}",
            where=str(files.root),
        )
    ids, _ = base_ids(files, fallback=VOCAB_JSON)
    added = added_tokens(files, ids)
    texts = texts_by_id(files, ids, added)
    size = final_size(files, max(texts) + 1, rows, config, TOKENIZER)
    vocab = blank(size)
    listed = model["vocab"]
    if not isinstance(listed, list):
        raise files.malformed('"vocab" of a Unigram model is not a list')
    for i, text in texts.items():
        vocab.tokens[i], vocab.types[i] = text, TokenType.NORMAL
        vocab.scores[i] = float(listed[i][1]) if i < len(listed) else 0.0
        if i == model.get("unk_id"):
            vocab.types[i] = TokenType.UNKNOWN
        elif i in added:
            special = added[i].special
            vocab.types[i] = TokenType.CONTROL if special else TokenType.USER_DEFINED
    spaces, charsmap = _normalization(files)
    return vocab, _options(prefix=_prefixes_space(files), spaces=spaces, charsmap=charsmap)


def _prefixes_space(files: Files) -> bool:
    for step in steps((files.tokenizer or {}).get("pre_tokenizer"), "pretokenizers"):
        if step.get("type") == "Metaspace":
            scheme = step.get("prepend_scheme", "always")
            return scheme != "never" and step.get("add_prefix_space", True) is not False
    return False


def _normalization(files: Files) -> tuple[bool, bytes]:
    """Whether runs of spaces become one, and the normalizer's compiled table."""
    collapses, table = False, b""
    for step in steps((files.tokenizer or {}).get("normalizer"), "normalizers"):
        if step.get("type") == "Precompiled":
            try:
                table = base64.b64decode(str(step.get("precompiled_charsmap") or ""), validate=True)
            except binascii.Error as error:
                raise files.malformed(f"precompiled_charsmap is not base64: {error}") from error
        pattern = step.get("pattern")
        regex = pattern.get("Regex") if isinstance(pattern, Mapping) else None
        collapses |= step.get("type") == "Replace" and regex in (" {2,}", r"\s+", r" +")
    splits = steps((files.tokenizer or {}).get("pre_tokenizer"), "pretokenizers")
    return collapses or any(s.get("type") == "WhitespaceSplit" for s in splits), table
