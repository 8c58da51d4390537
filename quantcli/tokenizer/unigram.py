"""SentencePiece Unigram: T5 and XLM-RoBERTa (`tokenizer.ggml.model` "t5")."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from quantcli.errors import TokenizerError
from quantcli.tokenizer.added_tokens import added_tokens, named_tokens
from quantcli.tokenizer.assembly import assemble
from quantcli.tokenizer.classes import Names, TokenizerClass, tokenizer_class
from quantcli.tokenizer.files import TOKENIZER, Files, steps
from quantcli.tokenizer.hf_vocabulary import VOCAB_JSON, base_ids, escapes_spaces, hf_vocabulary
from quantcli.tokenizer.sentencepiece_model import BPE, SentencePieceModel
from quantcli.tokenizer.spm import (
    ADD_SPACE_PREFIX,
    FILE,
    PRE,
    from_model,
    load_model,
    model_file,
    model_keys,
)
from quantcli.tokenizer.vocabulary import Key, TokenType, Vocabulary

MODEL = "t5"
FAIRSEQ = "sentencepiece.bpe.model"
OTHER_FILES = ("spiece.model", FAIRSEQ)
"""Names that a SentencePiece model of this kind has, beside `tokenizer.model`."""
_FAIRSEQ_FIRST = ("<s>", "<pad>", "</s>", "<unk>")
"""The first ids of fairseq's vocabularies; the model's own three special pieces are dropped."""
_LARGEST = 1e30
"""Scores are logarithms of probabilities; this is well within float32, and NaN is not below it."""
_NORMALIZERS = {"Precompiled", "Replace", "Strip", "Prepend", "Nmt"}
"""Steps of a normalizer that llama.cpp's options and the compiled table stand for."""
_FAIRSEQ_LAST = "<mask>"
"""The token after fairseq's last piece."""


def unigram_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of a Unigram tokenizer.

    Args:
        files: the tokenizer's files: tokenizer.json, else tokenizer.model, spiece.model or
            sentencepiece.bpe.model (whose ids are moved to fairseq's), the first there is.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name to write for the pre-tokenizer, or None.

    Raises:
        TokenizerError: a file is missing or malformed, or the vocabulary larger than the embedding.
    """
    cls = tokenizer_class(files, config)
    if files.tokenizer is not None and files.model().get("type") == "Unigram":
        vocab, named, options = _from_json(files, rows, config, cls)
    else:
        others = (name for name in OTHER_FILES if (files.root / name).is_file())
        file = model_file(files) or next(others, None)
        if file is None:
            raise TokenizerError(
                f"has none of {', '.join((FILE, *OTHER_FILES))} and no Unigram tokenizer in "
                f"{TOKENIZER}",
                where=str(files.root),
            )
        model = load_model(files, file)
        if model.model_type == BPE and file not in OTHER_FILES:
            return model_keys(files, rows, config, pre, model, file)
        moved = _to_fairseq(model) if file == FAIRSEQ else model
        vocab, named = from_model(files, moved, rows, config, cls, file)
        options = _options(
            prefix=model.add_dummy_prefix,
            spaces=model.remove_extra_whitespaces,
            charsmap=model.charsmap,
        )
    return assemble(
        files,
        config,
        vocab,
        model=MODEL,
        pre=pre or PRE,
        names=Names(named, cls),
        options=options,
    )


def _options(*, prefix: bool, spaces: bool, charsmap: bytes) -> list[Key]:
    keys: list[Key] = [
        (ADD_SPACE_PREFIX, "bool", prefix),
        ("tokenizer.ggml.remove_extra_whitespaces", "bool", spaces),
    ]
    if charsmap:
        keys.append(("tokenizer.ggml.precompiled_charsmap", "array:uint8", tuple(charsmap)))
    return keys


def _to_fairseq(model: SentencePieceModel) -> SentencePieceModel:
    """Move the pieces to fairseq's ids: four special tokens first, every piece one up, a mask."""
    control = TokenType.CONTROL
    return SentencePieceModel(
        tokens=[*_FAIRSEQ_FIRST, *model.tokens[3:], _FAIRSEQ_LAST],
        scores=[0.0, 0.0, 0.0, 0.0, *model.scores[3:], 0.0],
        types=[control, control, control, TokenType.UNKNOWN, *model.types[3:], control],
        model_type=model.model_type,
        add_dummy_prefix=model.add_dummy_prefix,
        remove_extra_whitespaces=model.remove_extra_whitespaces,
        charsmap=model.charsmap,
        special={"bos": 0, "pad": 1, "eos": 2, "unk": 3},
    )


def _from_json(
    files: Files, rows: int | None, config: Mapping[str, object], cls: TokenizerClass
) -> tuple[Vocabulary, dict[str, str], list[Key]]:
    model = files.model()
    base, source = base_ids(files, fallback=VOCAB_JSON)
    texts, unknown = list(base), model.get("unk_id")
    listed = model["vocab"]
    if not isinstance(listed, list) or len(texts) != len(listed):
        raise files.malformed('"vocab" of a Unigram model is not a list of different texts')
    own = {"unk": texts[unknown]} if type(unknown) is int and 0 <= unknown < len(texts) else {}
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
        escaped=escapes_spaces(files),
    )
    for i, (_, score) in enumerate(listed[: len(vocab.tokens)]):
        if type(score) not in (int, float) or not abs(score) < _LARGEST:
            raise files.malformed(f"the score of {texts[i]!r} is {score!r}")
        vocab.scores[i] = float(score)
        if own and i == unknown:
            vocab.types[i] = TokenType.UNKNOWN
    _note_missing(files)
    spaces, charsmap = _normalization(files)
    options = _options(prefix=_prefixes_space(files), spaces=spaces, charsmap=charsmap)
    return vocab, {**named, **own}, options


def _note_missing(files: Files) -> None:
    """Note what llama.cpp's Unigram has not."""
    if files.model().get("byte_fallback"):
        files.note(
            "characters that the vocabulary lacks are one unknown token in llama.cpp's Unigram; "
            "this tokenizer writes them as bytes"
        )
    for step in steps((files.tokenizer or {}).get("normalizer"), "normalizers"):
        if step.get("type") not in _NORMALIZERS:
            files.note(
                "llama.cpp's Unigram normalizes by the compiled table only, without this "
                "tokenizer's normalizer",
                str(step.get("type")),
            )


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
