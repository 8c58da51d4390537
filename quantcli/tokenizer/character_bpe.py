"""BPE on characters instead of bytes, by merges: Gemma 4, Sarvam; and between spaces.

Such a tokenizer.json writes `▁` for a space and characters that no token has as `<0xXX>`. Where its
merges are those that scores would give, llama.cpp's SentencePiece does the same (`spm.py`). What is
here is what only merges can say, or what llama.cpp knows as a tokenizer of its own.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

from quantcli.errors import TokenizerError
from quantcli.tokenizer.added_tokens import added_tokens, named_tokens
from quantcli.tokenizer.assembly import assemble
from quantcli.tokenizer.bpe import check_merges, merge_pairs, merges
from quantcli.tokenizer.classes import Names, tokenizer_class
from quantcli.tokenizer.files import TOKENIZER, Files, steps
from quantcli.tokenizer.hf_vocabulary import VOCAB_JSON, base_ids, escapes_spaces, hf_vocabulary
from quantcli.tokenizer.spm import ADD_SPACE_PREFIX, BYTE, check_bytes, is_spm_json
from quantcli.tokenizer.vocabulary import Key, TokenType, Vocabulary

GEMMA4, MMBERT, WHITESPACE = "gemma4", "mmbert", "whitespace"
NAMES = (GEMMA4, "granite-embed-multi-311m", MMBERT, "sarvam-moe")
"""llama.cpp's names of pre-tokenizers that take characters and write `▁` for a space."""
_OF_GEMMA4 = "<|tool_response>"
_VISIBLE = {
    *("<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", "<|tool_response>"),
    *("<tool_response|>", '<|"|>'),
}
"""Control tokens of Gemma 4 that its chat parser must see: user-defined ones are shown."""
_SCORE = -1000.0
_SAMPLE = 4096
_WORD, _OTHER = re.compile(r"\w"), re.compile(r"[^\w\s]")


def character_pre(files: Files, tokens: Container[str]) -> str | None:
    """Return llama.cpp's name for a BPE on characters, None when SentencePiece's BPE does as well.

    Args:
        files: the tokenizer's files, whose tokenizer.json holds a SentencePiece-like BPE.
        tokens: texts of its vocabulary.
    """
    if not escapes_spaces(files) or _puts_space(files):
        return None
    if _OF_GEMMA4 in tokens:
        return GEMMA4
    return None if _like_scores(files, tokens) else "sarvam-moe"


def _puts_space(files: Files) -> bool:
    normalizers = steps((files.tokenizer or {}).get("normalizer"), "normalizers")
    before = steps((files.tokenizer or {}).get("pre_tokenizer"), "pretokenizers")
    return any(s.get("type") in {"Prepend", "Metaspace"} for s in (*normalizers, *before))


def _like_scores(files: Files, tokens: Container[str]) -> bool:
    """Return whether every cut of a merged token into two tokens is a merge, as scores have it.

    The first merges tell: one that was trained as merges has the cut that it was made by only.
    """
    cuts: dict[str, set[str]] = {}
    for left, right in merge_pairs(files, _SAMPLE):
        cuts.setdefault(left + right, set()).add(left)
    last = next(reversed(cuts), "")
    cuts.pop(last, None)  # may go on behind the sample
    return all(
        {text[:i] for i in range(1, len(text)) if text[:i] in tokens and text[i:] in tokens} <= left
        for text, left in cuts.items()
    )


def character_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of a BPE on characters.

    Args:
        files: the tokenizer's files, with a tokenizer.json.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: one of `NAMES`, or None to find it.

    Raises:
        TokenizerError: a part is malformed, a byte has no token, or the vocabulary is larger than
            the embedding.
    """
    spaced = _puts_space(files)
    if not is_spm_json(files) or not escapes_spaces(files) or (spaced and pre != MMBERT):
        raise TokenizerError(
            f"holds no BPE on characters with `▁` for a space, which {pre or NAMES[-1]!r} is",
            where=files.where(TOKENIZER),
        )
    vocab, named, listed = _vocabulary(files, rows, config)
    pre = pre or character_pre(files, vocab.ids) or NAMES[-1]
    for i, text in enumerate(vocab.tokens):
        if BYTE.fullmatch(text) and vocab.types[i] == TokenType.NORMAL:
            vocab.types[i] = TokenType.BYTE
    check_bytes(files, vocab, TOKENIZER)
    gemma = pre == GEMMA4
    if gemma:
        vocab.scores = [_SCORE] * len(vocab.tokens)
        for text in _VISIBLE & vocab.ids.keys():
            vocab.types[vocab.ids[text]] = TokenType.USER_DEFINED
    keys = assemble(
        files,
        config,
        vocab,
        model=GEMMA4 if gemma else "gpt2",
        pre=None if gemma else pre,
        names=named,
        options=listed,
    )
    if pre == MMBERT and not spaced:
        files.note(
            f"llama.cpp puts a space before a text for {MMBERT!r}, which the tokenizer does not"
        )
    return [*keys, (ADD_SPACE_PREFIX, "bool", spaced)]


def splits_at_spaces(files: Files) -> bool:
    """Return whether tokenizer.json holds a BPE on the characters of words between spaces."""
    before = steps((files.tokenizer or {}).get("pre_tokenizer"), "pretokenizers")
    kinds = [step.get("type") for step in before]
    return files.model().get("type") == "BPE" and kinds in (["Whitespace"], ["WhitespaceSplit"])


def whitespace_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of a BPE on the characters of words between spaces (jina-embeddings-v2-zh).

    Args:
        files: the tokenizer's files, with a tokenizer.json.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: not used: there is one such pre-tokenizer.

    Raises:
        TokenizerError: a part is malformed, or the vocabulary is larger than the embedding.
    """
    vocab, named, listed = _vocabulary(files, rows, config)
    files.note(
        "characters that no token has are left out of a text by llama.cpp, the tokenizer writes "
        "its unknown token"
    )
    before = steps((files.tokenizer or {}).get("pre_tokenizer"), "pretokenizers")
    if before[0].get("type") == "Whitespace":
        mixed = [t for t in vocab.ids if _WORD.search(t) and _OTHER.search(t)]
        for text in mixed if len(mixed) < len(vocab.ids) else ():
            kind = vocab.types[vocab.ids[text]]
            if kind == TokenType.NORMAL:
                files.note(
                    "tokens of letters and punctuation are never made by the tokenizer, which "
                    "splits there; llama.cpp may make them",
                    repr(text),
                )
    return assemble(
        files,
        config,
        vocab,
        model=WHITESPACE,
        pre=WHITESPACE,
        names=named,
        options=listed,
    )


def _vocabulary(
    files: Files, rows: int | None, config: Mapping[str, object]
) -> tuple[Vocabulary, Names, list[Key]]:
    cls = tokenizer_class(files, config)
    base, source = base_ids(files, fallback=VOCAB_JSON)
    unknown = files.model().get("unk_token")
    named = named_tokens(files, {"unk": unknown} if isinstance(unknown, str) else {}, cls.names)
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
    listed = merges(files)
    check_merges(files, listed, vocab)
    return vocab, Names(named, cls), [("tokenizer.ggml.merges", "array:string", listed)]
