"""Ids of the special tokens and the flags that say which of them a tokenizer adds by itself.

The rules are those of the `SpecialVocab` that llama.cpp's converter uses: the post-processor of
tokenizer.json, then tokenizer_config.json, then config.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quantcli.tokenizer.added_tokens import content, entries
from quantcli.tokenizer.files import Files, steps
from quantcli.tokenizer.vocabulary import Key

KINDS = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
KEYS = {
    "bos": "bos_token_id",
    "eos": "eos_token_id",
    "eot": "eot_token_id",
    "eom": "eom_token_id",
    "unk": "unknown_token_id",
    "sep": "seperator_token_id",
    "pad": "padding_token_id",
    "mask": "mask_token_id",
}
"""Key of each kind below tokenizer.ggml; a kind without one (cls) is looked up but not written."""


@dataclass(slots=True)
class SpecialTokens:
    """What was found, in the order it is written.

    Attributes:
        ids: kind ("bos", …) to token id.
        add: kind to whether the tokenizer adds that token to a text.
    """

    ids: dict[str, int] = field(default_factory=dict)
    add: dict[str, bool] = field(default_factory=dict)

    def keys(self) -> list[Key]:
        """Return the GGUF keys: ids first, then flags."""
        ids: list[Key] = [
            (f"tokenizer.ggml.{KEYS[kind]}", "uint32", i)
            for kind, i in self.ids.items()
            if kind in KEYS
        ]
        flags: list[Key] = [
            (f"tokenizer.ggml.add_{kind}_token", "bool", value)
            for kind, value in self.add.items()
            if kind in {"bos", "eos", "sep"}
        ]
        return ids + flags


@dataclass(slots=True)
class _Search:
    """The settings while the post-processor corrects them.

    `named` holds the texts the settings name by kind; it stays as it is when there are no
    settings, although the flags then still follow the post-processor.
    """

    files: Files
    named: dict[str, str]
    kinds: list[str]
    add: dict[str, bool]
    has_settings: bool

    def adopt(self, kind: str, text: str) -> None:
        self.named[kind] = text


def special_tokens(files: Files, config: Mapping[str, object], size: int) -> SpecialTokens:
    """Return the special tokens of a tokenizer with `size` ids.

    Raises:
        TokenizerError: a special id is negative, or tokenizer.json's parts are malformed.
    """
    settings = files.settings
    search = _processed(files)
    found = SpecialTokens(add=search.add)
    for kind in search.kinds if settings else ():
        flag = settings.get(f"add_{kind}_token")
        if isinstance(flag, bool):
            found.add[kind] = flag
    texts: dict[str, int] = {}
    for entry in entries(files):
        texts.setdefault(entry["content"], entry["id"])
    for kind in search.kinds if settings else ():
        _set(search, found, kind, texts.get(search.named[kind]), size)
    _ids_by_config(search, found, config, size)
    for kind in ("bos", "eos"):
        # Without settings only the post-processor names them; llama.cpp would add its default id.
        if found.add.get(kind):
            _set(search, found, kind, texts.get(search.named[kind]), size)
    return found


def _processed(files: Files) -> _Search:
    """Return the names the settings give, corrected by tokenizer.json's post-processor."""
    named = {kind: content(files.settings.get(f"{kind}_token")) or "" for kind in KINDS}
    search = _Search(files, named, list(KINDS), {}, has_settings=bool(files.settings))
    if files.tokenizer is not None:
        for kind, stand_in in (("bos", "cls"), ("eos", "sep")):
            named[kind] = named[kind] or named[stand_in]
        for processor in steps(files.tokenizer.get("post_processor"), "processors"):
            if processor.get("type") == "RobertaProcessing":
                _roberta(search, processor)
            elif processor.get("type") == "TemplateProcessing":
                _template(search, processor)
    return search


def _roberta(search: _Search, processor: Mapping[str, Any]) -> None:
    search.add.update(bos=True, eos=True, sep=True)
    for kind in ("cls", "sep"):
        pair = processor.get(kind)
        if not search.named[kind] and isinstance(pair, list) and pair and isinstance(pair[0], str):
            search.adopt(kind, pair[0])


def _special(piece: object) -> str | None:
    """Text of a template's piece when it is a special token."""
    inner = piece.get("SpecialToken") if isinstance(piece, Mapping) else None
    text = inner.get("id") if isinstance(inner, Mapping) else None
    return text if isinstance(text, str) and text else None


def _sequence(piece: object) -> str | None:
    inner = piece.get("Sequence") if isinstance(piece, Mapping) else None
    text = inner.get("id") if isinstance(inner, Mapping) else None
    return text if isinstance(text, str) else None


def _template(search: _Search, processor: Mapping[str, Any]) -> None:
    single, pair = processor.get("single") or [], processor.get("pair") or []
    if not isinstance(single, list) or not isinstance(pair, list):
        raise search.files.malformed("TemplateProcessing is not a list of pieces")
    first = last = None
    if len(single) > 1:
        first, last = _special(single[0]), _special(single[-1])
        if first:
            _leading(search, first)
        if last:
            _trailing(search, last)
    if pair:
        _between(search, pair, first, last)


def _leading(search: _Search, text: str) -> None:
    named = search.named
    if not search.has_settings:
        named["bos"] = text
    elif text not in (named["bos"], named["cls"]):
        for kind in ("bos", "cls"):
            if not named[kind]:
                search.adopt(kind, text)
    search.add["bos"] = text in (named["bos"], named["cls"])
    if not search.add["bos"]:
        search.files.note(f"the post-processor begins with {text!r}, which is not the bos token")


def _trailing(search: _Search, text: str) -> None:
    named = search.named
    if search.has_settings and text != named["eos"]:
        # The token named eos ends a turn; the one the tokenizer appends ends the text.
        for kind in ("eot", "eom"):
            if kind not in search.kinds:
                search.kinds.append(kind)
                search.adopt(kind, named["eos"])
                break
    named["eos"] = text
    search.add["eos"] = True


def _between(search: _Search, pair: list[Any], first: str | None, last: str | None) -> None:
    """Decide whether a separator stands between two texts."""
    start = 1 if first and _special(pair[0]) == first else 0
    stop = len(pair) - 1 if last and _special(pair[-1]) == last else len(pair)
    inner = pair[start:stop]
    if not inner or _sequence(inner[0]) != "A" or _sequence(inner[-1]) != "B":
        return
    middle = inner[1:-1]
    if not middle:
        return
    separators = (search.named["sep"], search.named["eos"])
    add = _special(middle[0]) in separators and not last
    if len(middle) == 2 and _special(middle[1]) in separators:
        add = True
    search.add["sep"] = add
    if add and not search.named["sep"]:
        search.adopt("sep", search.named["eos"])


def _set(search: _Search, found: SpecialTokens, kind: str, value: object, size: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or kind in found.ids:
        return
    if 0 <= value < size:
        found.ids[kind] = value
    else:
        search.files.note(
            f"the {kind} token id {value} is outside the vocabulary of {size}: left out"
        )


def _ids_by_config(
    search: _Search, found: SpecialTokens, config: Mapping[str, object], size: int
) -> None:
    inner = config.get("text_config")
    for kind in search.kinds:
        value = config.get(f"{kind}_token_id")
        if value is None and isinstance(inner, Mapping):
            value = inner.get(f"{kind}_token_id")
        _set(search, found, kind, value, size)
