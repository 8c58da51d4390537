"""Added tokens: those a tokenizer matches verbatim before it splits the rest of the text.

Which there are, which ids they have and which are special is decided as by transformers 5: the list
in tokenizer.json, then tokenizer_config.json's added_tokens_decoder (or, where there is none,
special_tokens_map.json and added_tokens.json), then the tokens named as special ones. The ids are
counted by the tokenizers library; those in the files only give the order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from quantcli.tokenizer.files import ADDED, SETTINGS, SPECIAL_MAP, TOKENIZER, Files

KINDS = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
"""Special tokens that a file names one by one, as "<kind>_token"."""
MOST = 1 << 24
"""More ids than any vocabulary has; a larger id is damage, and not worth the memory."""
_LISTED = ("additional_special_tokens", "extra_special_tokens")
_DECODER = "added_tokens_decoder"
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class AddedToken:
    """One added token.

    Attributes:
        content: the text it matches.
        special: whether it is a control token.
        normalized: whether it is looked for in the normalized text, not in the text as given.
        bounds: what it demands of or takes from the text beside it ("lstrip", …).
    """

    content: str
    special: bool
    normalized: bool = False
    bounds: tuple[str, ...] = ()


def content(entry: object) -> str | None:
    """Return a token's text from either spelling: a string, or an object with "content"."""
    if isinstance(entry, Mapping):
        entry = entry.get("content")
    return entry if isinstance(entry, str) else None


def check_id(files: Files, file: str, text: str, value: object) -> int:
    """Return `value` as a token id.

    Raises:
        TokenizerError: it is not an integer, negative, or larger than any vocabulary.
    """
    if type(value) is not int or not 0 <= value < MOST:
        raise files.malformed(f"token {text!r} has the id {value!r}", file)
    return value


def named_tokens(
    files: Files, own: Mapping[str, str], defaults: Mapping[str, str]
) -> dict[str, str]:
    """Return the text of each kind of special token ("bos", …), as the files name it.

    Args:
        files: the tokenizer's files.
        own: names that the vocabulary's own file gives, where no other file names any.
        defaults: names that the tokenizer's class gives, where nothing else does.
    """
    named = {**defaults, **own}
    for source in _sources(files):
        for kind in KINDS:
            if f"{kind}_token" in source:
                named[kind] = content(source[f"{kind}_token"]) or ""
    return {kind: named[kind] for kind in KINDS if named.get(kind)}


def _sources(files: Files) -> list[Mapping[str, Any]]:
    """The files that name special tokens; the last one counts."""
    if _DECODER in files.settings:
        return [files.settings]
    return [files.settings, files.object(SPECIAL_MAP) or {}]


def added_tokens(
    files: Files, ids: Mapping[str, int], named: Mapping[str, str]
) -> dict[int, AddedToken]:
    """Return the added tokens by id.

    Args:
        files: the tokenizer's files.
        ids: text to id of the base vocabulary.
        named: text of each kind of special token.

    Raises:
        TokenizerError: an entry is malformed.
    """
    numbers = _Numbers(ids)
    listed: dict[str, int] = {}
    for entry in entries(files):
        numbers.add(_token(entry))
        listed[entry["content"]] = entry["id"]
    for i, token in _from_settings(files):
        numbers.add(token)
        listed.setdefault(token.content, i)
    for text in (*named.values(), *_extra(files)):
        if numbers.place(text) is None:
            files.note("special tokens without an id get the next free one", repr(text))
        numbers.add(AddedToken(text, special=True), named_only=True)
    for i, token in numbers.added.items():
        if listed.get(token.content, i) != i:
            files.note(
                "added tokens have other ids than their file says, counted as the tokenizers "
                "library does, which does not read them",
                f"{token.content!r} {i} instead of {listed[token.content]}",
            )
    return numbers.added


class _Numbers:
    """Numbers added tokens as the tokenizers library does.

    A token of the base vocabulary keeps its id there; any other gets the next one after both the
    base vocabulary's count and the added tokens so far.
    """

    def __init__(self, ids: Mapping[str, int]) -> None:
        self.added: dict[int, AddedToken] = {}
        self._ids = ids
        self._known: dict[str, int] = {}
        self._following = len(ids)

    def place(self, text: str) -> int | None:
        return self._known.get(text, self._ids.get(text))

    def add(self, token: AddedToken, *, named_only: bool = False) -> None:
        found = self.place(token.content)
        i = self._following if found is None else found
        before = self.added.get(i)
        if named_only and before is not None:
            # Its other flags stay as the files give them.
            token = AddedToken(
                token.content, special=True, normalized=before.normalized, bounds=before.bounds
            )
        self.added[i] = token
        self._known[token.content] = i
        self._following = max(self._following, i + 1)


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
    return [entry for entry in listed if entry["content"]]


def _token(entry: Mapping[str, Any]) -> AddedToken:
    special = bool(entry.get("special"))
    return AddedToken(
        str(entry["content"]),
        special=special,
        normalized=bool(entry.get("normalized", not special)),
        bounds=tuple(name for name in ("lstrip", "rstrip", "single_word") if entry.get(name)),
    )


def from_decoder(files: Files) -> list[tuple[int, AddedToken]]:
    """Return tokenizer_config.json's added_tokens_decoder in the order of its ids.

    Raises:
        TokenizerError: an entry is malformed.
    """
    decoder = files.settings.get(_DECODER) or {}
    if not isinstance(decoder, Mapping):
        raise files.malformed(f'"{_DECODER}" is not an object', SETTINGS)
    found = []
    for key, entry in decoder.items():
        if not _NUMBER.fullmatch(key) or not isinstance(entry, Mapping):
            raise files.malformed(f'"{_DECODER}" holds {key!r}: {entry!r}', SETTINGS)
        if content(entry) is None:
            raise files.malformed(f"added token {key} has no content", SETTINGS)
        if content(entry):
            found.append((int(key), _token(entry)))
    return sorted(found, key=lambda pair: pair[0])


def _from_settings(files: Files) -> list[tuple[int, AddedToken]]:
    if _DECODER in files.settings:
        return from_decoder(files)
    special = {*named_tokens(files, {}, {}).values(), *_extra(files)}
    numbered = {
        text: check_id(files, ADDED, text, value)
        for text, value in (files.object(ADDED) or {}).items()
    }
    listed = {entry["content"] for entry in entries(files)}
    return [
        (numbered[text], AddedToken(text, special=text in special, normalized=text not in special))
        for text in sorted(numbered, key=numbered.__getitem__)
        if text and text not in listed
    ]


def _extra(files: Files) -> Iterable[str]:
    """Texts of further special tokens, in order, once each: names of the model's own, lists."""
    found: dict[str, None] = {}
    kinds = {f"{kind}_token" for kind in KINDS}
    for key, value in files.settings.items():
        if key.endswith("_token") and key not in kinds:
            found.setdefault(content(value) or "")
    for source in _sources(files):
        for name in _LISTED:
            listed = source.get(name)
            if isinstance(listed, Mapping):  # named by the model
                listed = list(listed.values())
            for entry in listed if isinstance(listed, list) else ():
                found.setdefault(content(entry) or "")
    found.pop("", None)
    return list(found)
