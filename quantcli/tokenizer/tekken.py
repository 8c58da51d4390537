"""Tekken, Mistral's tokenizer in its own file: tekken.json of consolidated checkpoints.

Special tokens have the first ids, the ranks follow. Of the ranks in the file only as many count as
the vocabulary's size leaves room for.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from quantcli.errors import TokenizerError
from quantcli.tokenizer import regexes as rx
from quantcli.tokenizer.added_tokens import MOST, AddedToken, named_tokens
from quantcli.tokenizer.classes import Names, TokenizerClass
from quantcli.tokenizer.files import Files
from quantcli.tokenizer.ranks import Ranks, rank_keys
from quantcli.tokenizer.vocabulary import Key

FILE = "tekken.json"
PRE = "tekken"
_NAMES = {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "pad": "<pad>"}
_CLASS = TokenizerClass(around=("bos", None))
"""Mistral's library begins every text with `<s>`, which no file says."""
OLD_SPECIAL = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
    *("[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]"),
    *("[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
    "[TOOL_CONTENT]",
)
"""The special tokens of files that list none (`Tekkenizer` of mistral-common)."""


def tekken_keys(
    files: Files, rows: int | None, config: Mapping[str, object], pre: str | None
) -> list[Key]:
    """Return the keys of the tokenizer in tekken.json.

    Args:
        files: the tokenizer's files.
        rows: rows of the embedding, or None.
        config: config.json.
        pre: name of the pre-tokenizer, or None to recognise it.

    Raises:
        TokenizerError: the file is missing or malformed, splits text by another expression than
            llama.cpp's tekken, or is larger than the embedding.
    """
    said = files.object(FILE)
    if said is None:
        raise TokenizerError(f"has no {FILE}", where=str(files.root))
    settings = said.get("config")
    if not isinstance(settings, Mapping):
        raise files.malformed('has no object "config"', FILE)
    size, special = (
        _number(files, settings, name)
        for name in ("default_vocab_size", "default_num_special_tokens")
    )
    if pre is None:
        _check_pattern(files, settings.get("pattern"))
    added = _special(files, said.get("special_tokens"), special)
    ranks = _ranks(files, said.get("vocab"), size - special)
    texts = {token.content for token in added.values()}
    named = named_tokens(files, {}, {k: text for k, text in _NAMES.items() if text in texts})
    return rank_keys(
        files,
        rows,
        config,
        Ranks(FILE, ranks, special),
        added=added,
        names=Names(named, _CLASS),
        pre=pre or PRE,
    )


def _number(files: Files, settings: Mapping[str, object], name: str) -> int:
    value = settings.get(name)
    if type(value) is not int or not 0 < value < MOST:
        raise files.malformed(f"{name} is {value!r}", FILE)
    return value


def _check_pattern(files: Files, pattern: object) -> None:
    if not isinstance(pattern, str) or rx.canonical(pattern) != rx.canonical(rx.TEKKEN):
        raise TokenizerError(
            f"splits text by {pattern!r}, not as llama.cpp's pre-tokenizer {PRE!r} does",
            where=files.where(FILE),
            hint="Where llama.cpp has one that splits alike, name it: --pre-tokenizer NAME.",
        )


def _special(files: Files, listed: object, count: int) -> dict[int, AddedToken]:
    """The special tokens by id; ids that no file names are `<SPECIAL_ID>`."""
    found = {i: AddedToken(f"<SPECIAL_{i}>", special=True) for i in range(count)}
    if listed is None:
        found.update((i, AddedToken(t, special=True)) for i, t in enumerate(OLD_SPECIAL))
        return found
    for entry in listed if isinstance(listed, list) else [listed]:
        text, rank = (_field(entry, name) for name in ("token_str", "rank"))
        if not isinstance(text, str) or type(rank) is not int or not 0 <= rank < count:
            raise files.malformed(f'"special_tokens" holds {entry!r}', FILE)
        found[rank] = AddedToken(text, special=_field(entry, "is_control") is not False)
    return found


def _field(entry: object, name: str) -> Any:
    return entry.get(name) if isinstance(entry, Mapping) else None


def _ranks(files: Files, listed: object, count: int) -> dict[bytes, int]:
    if not isinstance(listed, list) or len(listed) < count or count < 256:
        raise files.malformed(f'"vocab" is not a list of at least {max(count, 256)} tokens', FILE)
    ranks: dict[bytes, int] = {}
    for i, entry in enumerate(listed[:count]):
        encoded = _field(entry, "token_bytes")
        try:
            token = b64decode(encoded, validate=True) if isinstance(encoded, str) else b""
        except binascii.Error:
            token = b""
        if not token or _field(entry, "rank") != i or token in ranks:
            raise files.malformed(f'"vocab" holds {entry!r} at rank {i}', FILE)
        ranks[token] = i
    return ranks
