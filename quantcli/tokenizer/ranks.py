"""Byte-level BPE from a list of ranks, as tiktoken keeps it: what merges it stands for.

tiktoken joins the two neighbours whose bytes together have the lowest rank, whichever two they are.
Merges name pairs instead: every way to cut a token into two others is one, at the token's rank.
(llama.cpp's converter writes, for most such files, only the cut that the token itself goes through;
a text in which two others meet is then tokenized differently.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quantcli.tokenizer.added_tokens import AddedToken
from quantcli.tokenizer.assembly import assemble
from quantcli.tokenizer.classes import Names
from quantcli.tokenizer.files import Files
from quantcli.tokenizer.hf_vocabulary import hf_vocabulary
from quantcli.tokenizer.vocabulary import Key

MODEL = "gpt2"
_SHOWN = frozenset((*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)))
"""Bytes that GPT-2's alphabet writes as the character of the same number."""
_HIDDEN = [byte for byte in range(256) if byte not in _SHOWN]
_LETTERS = {byte: 0x100 + i for i, byte in enumerate(_HIDDEN)}


def letters(data: bytes) -> str:
    """Return bytes as GPT-2's letters for them, one a byte."""
    return data.decode("latin-1").translate(_LETTERS)


def merges(ranks: Mapping[bytes, int]) -> tuple[str, ...]:
    """Return the merges that ranks stand for, in order, each "left right" in GPT-2's letters.

    Of several cuts of one token those with the lower ranks come first, as transformers has them.

    Args:
        ranks: rank by token, tokens of one byte included.
    """
    known = {letters(token): rank for token, rank in ranks.items()}
    found: list[str] = []
    for text in sorted(known, key=known.__getitem__):
        cuts = [
            (known[text[:at]], known[text[at:]], at)
            for at in range(1, len(text))
            if text[:at] in known and text[at:] in known
        ]
        found += [f"{text[:at]} {text[at:]}" for *_, at in sorted(cuts)]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Ranks:
    """A list of ranks.

    Attributes:
        source: name of its file.
        ranks: rank by token.
        first: id of the token of rank 0.
    """

    source: str
    ranks: Mapping[bytes, int]
    first: int = 0


def rank_keys(
    files: Files,
    rows: int | None,
    config: Mapping[str, object],
    listed: Ranks,
    *,
    added: Mapping[int, AddedToken],
    names: Names,
    pre: str,
) -> list[Key]:
    """Return the keys of a byte-level BPE tokenizer that is a list of ranks.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        listed: the ranks.
        added: the added tokens by id.
        names: what its special tokens are called.
        pre: name of the pre-tokenizer.

    Raises:
        TokenizerError: a byte has no token, or the vocabulary is larger than the embedding.
    """
    missing = [byte for byte in range(256) if bytes([byte]) not in listed.ranks]
    if missing:
        raise files.malformed(
            f"{len(missing)} of the 256 bytes have no token (the first is {missing[0]})",
            listed.source,
        )
    base = {letters(token): listed.first + rank for token, rank in listed.ranks.items()}
    vocab = hf_vocabulary(files, base, added, rows=rows, config=config, source=listed.source)
    options: list[Key] = [("tokenizer.ggml.merges", "array:string", merges(listed.ranks))]
    return assemble(
        files,
        config,
        vocab,
        model=MODEL,
        pre=pre,
        names=names,
        options=options,
    )
