"""Byte-level BPE: GPT-2, Llama 3, Qwen and most others (`tokenizer.ggml.model` "gpt2")."""

from __future__ import annotations

from collections.abc import Mapping

from quantcli.errors import TokenizerError
from quantcli.tokenizer.chat_template import chat_template_keys
from quantcli.tokenizer.detection import detect
from quantcli.tokenizer.files import TOKENIZER, Files
from quantcli.tokenizer.hf_vocabulary import VOCAB_JSON, hf_vocabulary
from quantcli.tokenizer.normalizer import normalizer_keys
from quantcli.tokenizer.pretokenizers import NAMES
from quantcli.tokenizer.special_tokens import SpecialTokens, special_tokens
from quantcli.tokenizer.vocabulary import Key, make_unique

MODEL = "gpt2"
MERGES = "merges.txt"
_SPACE = "\u0120"
"""GPT-2's letter for the byte of a space; in a merge a plain space only separates the two parts."""


def bpe_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of a byte-level BPE tokenizer.

    Args:
        files: the tokenizer's files: tokenizer.json, or vocab.json with merges.txt.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name of the pre-tokenizer, or None to detect it.

    Raises:
        TokenizerError: a file is missing or malformed, the vocabulary larger than the embedding,
            or the pre-tokenizer unknown.
    """
    kind = files.model().get("type", "BPE")
    if kind != "BPE":
        raise TokenizerError(
            f"holds a {kind} tokenizer where this architecture has byte-level BPE",
            where=files.where(TOKENIZER),
        )
    vocab = hf_vocabulary(files, rows, config, fallback=VOCAB_JSON)
    pre = pre or detect(files, set(vocab.tokens))
    make_unique(files, vocab)
    keys = vocab.keys(MODEL, pre)
    keys.append(("tokenizer.ggml.merges", "array:string", merges(files)))
    special = special_tokens(files, config, len(vocab.tokens))
    _explicit_flags(files, special, pre)
    return keys + special.keys() + chat_template_keys(files) + normalizer_keys(files)


def _explicit_flags(files: Files, special: SpecialTokens, pre: str) -> None:
    """Say no where llama.cpp would assume yes by the pre-tokenizer's name alone."""
    flags = NAMES[pre]
    for kind, assumed in (("bos", flags.add_bos), ("sep", flags.add_sep)):
        if assumed and kind not in special.add:
            special.add[kind] = False
            files.note(
                f"add_{kind}_token false is written: the tokenizer adds none, {pre!r} would by default"
            )


def merges(files: Files) -> tuple[str, ...]:
    """Return the merges in order of rank, each "left right".

    Raises:
        TokenizerError: there are none, or one is malformed.
    """
    listed = files.model().get("merges")
    found = _from_text(files) if not listed else _from_json(files, listed)
    if not found:
        raise TokenizerError(
            f"has no merges, neither in {TOKENIZER} nor in {MERGES}", where=str(files.root)
        )
    return found


def _from_json(files: Files, listed: object) -> tuple[str, ...]:
    if not isinstance(listed, list):
        raise files.malformed('"merges" is not a list')
    if all(isinstance(merge, str) for merge in listed):
        bad = next((m for m in listed if m.count(" ") != 1), None)
        if bad is not None:
            raise files.malformed(f'"merges" holds {bad!r}, which is not two parts and one space')
        return tuple(listed)
    joined = []
    for merge in listed:
        if not (isinstance(merge, list) and len(merge) == 2 and all(type(p) is str for p in merge)):
            raise files.malformed(f'"merges" holds {merge!r}, which is not a pair of texts')
        left, right = merge
        joined.append(f"{left.replace(' ', _SPACE)} {right.replace(' ', _SPACE)}")
    return tuple(joined)


def _from_text(files: Files) -> tuple[str, ...]:
    text = files.text(MERGES)
    if text is None:
        return ()
    lines = text.split("\n")
    if lines[0].startswith("#"):
        del lines[0]
    found = []
    for number, line in enumerate(lines, 1):
        parts = line.split()
        if len(parts) == 2:
            found.append(f"{parts[0]} {parts[1]}")
        elif parts:
            files.note(f"{MERGES}: line {number} is not two parts and is left out")
    return tuple(found)
