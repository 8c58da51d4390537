"""Added tokens: those a tokenizer matches verbatim before it splits the rest of the text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quantcli.tokenizer.files import ADDED, SETTINGS, SPECIAL_MAP, TOKENIZER, Files

NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
"""Fields of tokenizer_config.json that name one special token each."""
LISTED = ("additional_special_tokens", "extra_special_tokens")
"""Fields of tokenizer_config.json that list special tokens."""


@dataclass(frozen=True, slots=True)
class AddedToken:
    """One added token.

    Attributes:
        content: the text it matches.
        special: whether it is a control token.
    """

    content: str
    special: bool


def content(entry: object) -> str | None:
    """Return a token's text from either spelling: a string, or an object with "content"."""
    if isinstance(entry, Mapping):
        entry = entry.get("content")
    return entry if isinstance(entry, str) else None


def check_id(files: Files, file: str, text: str, value: object) -> int:
    """Return `value` as a token id.

    Raises:
        TokenizerError: it is not an integer, or negative.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise files.malformed(f"token {text!r} has the id {value!r}", file)
    return value


def added_tokens(files: Files, ids: Mapping[str, int]) -> dict[int, AddedToken]:
    """Return the added tokens by id.

    The rules are those of Hugging Face's loader: tokenizer.json's own list; then the flags of
    tokenizer_config.json's added_tokens_decoder; then every token named there or in
    special_tokens_map.json as a special one. Without tokenizer.json, added_tokens.json counts too.

    Args:
        files: the tokenizer's files.
        ids: text to id of the base vocabulary.

    Raises:
        TokenizerError: an entry is malformed.
    """
    added = _from_tokenizer(files, ids)
    known = {token.content: i for i, token in added.items()}
    if files.tokenizer is None:
        for text, value in (files.object(ADDED) or {}).items():
            i = check_id(files, ADDED, text, value)
            added[i], known[text] = AddedToken(text, special=False), i
    for i, token in _from_settings(files):
        place = known.get(token.content, ids.get(token.content, i))
        added[place], known[token.content] = token, place
    for text in _named(files):
        found = known.get(text, ids.get(text))
        if found is None:
            files.note(f"the special token {text!r} has no id in the vocabulary and is left out")
        else:
            added[found] = AddedToken(text, special=True)
    return added


def entries(files: Files) -> list[dict[str, Any]]:
    """Return tokenizer.json's list of added tokens, checked; empty without the file.

    Raises:
        TokenizerError: the list or an entry is malformed.
    """
    listed = (files.tokenizer or {}).get("added_tokens") or []
    if not isinstance(listed, list):
        raise files.malformed('"added_tokens" is not a list')
    for entry in listed:
        if not isinstance(entry, dict) or not isinstance(entry.get("content"), str):
            raise files.malformed(f'"added_tokens" holds {entry!r}, which has no content')
        check_id(files, TOKENIZER, entry["content"], entry.get("id"))
    return listed


def _from_tokenizer(files: Files, ids: Mapping[str, int]) -> dict[int, AddedToken]:
    """Number the listed tokens as the tokenizers library does, which does not read their ids.

    A token of the base vocabulary keeps its id there; any other gets the next one after both the
    base vocabulary's count and the added tokens so far.
    """
    added: dict[int, AddedToken] = {}
    following = len(ids)
    for entry in entries(files):
        text = entry["content"]
        i = ids.get(text, following)
        if i != entry["id"]:
            files.note(
                f"the added token {text!r} has id {entry['id']} in {TOKENIZER}; the tokenizers "
                f"library gives it {i}, and so does this file"
            )
        added[i] = AddedToken(text, special=bool(entry.get("special")))
        following = max(following, i + 1)
    return added


def _from_settings(files: Files) -> list[tuple[int, AddedToken]]:
    decoder = files.settings.get("added_tokens_decoder") or {}
    if not isinstance(decoder, Mapping):
        raise files.malformed('"added_tokens_decoder" is not an object', SETTINGS)
    found = []
    for key, entry in decoder.items():
        text = content(entry)
        if text is None or not str(key).isdecimal():
            raise files.malformed(f'"added_tokens_decoder" holds {key!r}: {entry!r}', SETTINGS)
        special = isinstance(entry, Mapping) and bool(entry.get("special"))
        found.append((int(key), AddedToken(text, special=special)))
    return sorted(found, key=lambda pair: pair[0])


def _named(files: Files) -> list[str]:
    """Texts named as special tokens, in order, once each."""
    found: dict[str, None] = {}
    for source in (files.object(SPECIAL_MAP) or {}, files.settings):
        for field in NAMED:
            found.setdefault(content(source.get(field)) or "")
        for field in LISTED:
            listed = source.get(field)
            for entry in listed if isinstance(listed, list) else ():
                found.setdefault(content(entry) or "")
    found.pop("", None)
    return list(found)
