"""Ids of the special tokens and the flags that say which of them a tokenizer adds by itself.

Every id is looked up by the token's text in the finished vocabulary. What the post-processor of
tokenizer.json (or the tokenizer's class) does comes before what files name or flags say; ids in
config.json count only where nothing names a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from quantcli.tokenizer.classes import Names
from quantcli.tokenizer.files import SETTINGS, TOKENIZER, Files
from quantcli.tokenizer.postprocessor import Around, around
from quantcli.tokenizer.vocabulary import Key, TokenType, Vocabulary

KEYS = {
    "bos": "bos_token_id",
    "eos": "eos_token_id",
    "unk": "unknown_token_id",
    "sep": "seperator_token_id",
    "pad": "padding_token_id",
    "mask": "mask_token_id",
    "eot": "eot_token_id",
    "eom": "eom_token_id",
}
"""Key of each kind below tokenizer.ggml, in the order they are written. A kind without one (cls) is
looked up but not written."""


@dataclass(slots=True)
class SpecialTokens:
    """What was found.

    Attributes:
        ids: kind ("bos", …) to token id.
        add: kind to whether the tokenizer adds that token to a text.
    """

    ids: dict[str, int] = field(default_factory=dict)
    add: dict[str, bool] = field(default_factory=dict)

    def keys(self) -> list[Key]:
        """Return the GGUF keys: ids first, then flags."""
        ids: list[Key] = [
            (f"tokenizer.ggml.{key}", "uint32", self.ids[kind])
            for kind, key in KEYS.items()
            if kind in self.ids
        ]
        flags: list[Key] = [
            (f"tokenizer.ggml.add_{kind}_token", "bool", value)
            for kind, value in self.add.items()
            if kind in {"bos", "eos", "sep"}
        ]
        return ids + flags


def special_tokens(
    files: Files,
    config: Mapping[str, object],
    vocab: Vocabulary,
    names: Names,
) -> SpecialTokens:
    """Return the special tokens of a tokenizer.

    Args:
        files: the tokenizer's files.
        config: config.json, whose ids count for kinds that nothing names.
        vocab: the finished vocabulary.
        names: what files and class call them; a post-processor overrides bos and eos.

    Raises:
        TokenizerError: tokenizer.json's post-processor is malformed.
    """
    found = SpecialTokens()
    texts = {**names.texts}
    for kind, stand_in in (("bos", "cls"), ("eos", "sep")):
        if stand_in in texts:
            texts.setdefault(kind, texts[stand_in])
    does = around(files, names.cls, texts)
    _without_place(files, vocab, does)
    found.add.update(does.add)
    _flags(files, found, does)
    _take_over(files, texts, does)
    for kind in (*KEYS, "cls"):
        if kind in texts:
            _by_text(files, found, vocab, kind, texts[kind], does)
    _by_config(files, config, found, vocab, [k for k in KEYS if k not in {"eos", "eot", "eom"}])
    for kind in ("bos", "eos"):
        if found.add.get(kind) and kind not in found.ids:  # a flag without a token
            found.add[kind] = False
    return found


def _place(vocab: Vocabulary, does: Around, text: str) -> int | None:
    """Return the id of a token, by its text or else by what the post-processor itself says."""
    i = vocab.ids.get(text, does.ids.get(text))
    return i if i is not None and i < len(vocab.tokens) else None


def _without_place(files: Files, vocab: Vocabulary, does: Around) -> None:
    """Leave out what the tokenizer puts around a text when the embedding has no row for it."""
    gone = [text for text in (does.first, does.last) if text and _place(vocab, does, text) is None]
    for text in gone:
        files.note(
            "tokens that the tokenizer puts around a text have no place in the vocabulary, and are "
            "not added",
            repr(text),
        )
    if does.first in gone:
        does.first, does.add["bos"] = "", False
    if does.last in gone:
        does.last, does.add["eos"] = "", False


def _flags(files: Files, found: SpecialTokens, does: Around) -> None:
    """Apply add_bos_token and its like, which transformers reads only without tokenizer.json."""
    for kind in ("bos", "eos"):
        flag = files.setting(f"add_{kind}_token")
        if flag is None:
            continue
        if files.tokenizer is None and not does.fixed:
            found.add[kind] = flag
        elif flag != found.add.get(kind, False):
            files.note(
                f"flags of {SETTINGS} do not count beside {TOKENIZER}, whose tokenizer does "
                "otherwise",
                f"add_{kind}_token {str(flag).lower()}",
            )


def _take_over(files: Files, names: dict[str, str], does: Around) -> None:
    """Make bos and eos of the tokens around a text: llama.cpp adds no others."""
    if does.first and does.first != names.get("bos"):
        if names.get("bos"):
            files.note(
                "the tokenizer begins a text with another token than the one named bos: it is "
                "written as bos, for llama.cpp adds no other",
                f"{does.first!r} instead of {names['bos']!r}",
            )
        names["bos"] = does.first
    if does.last and does.last != names.get("eos"):
        # The token named eos ends a turn; the one the tokenizer appends ends the text.
        if names.get("eos"):
            names["eot"] = names["eos"]
        names["eos"] = does.last
    if does.add.get("sep") and "eos" in names:
        names.setdefault("sep", names["eos"])


def _by_text(
    files: Files,
    found: SpecialTokens,
    vocab: Vocabulary,
    kind: str,
    text: str,
    does: Around,
) -> None:
    i, said = _place(vocab, does, text), does.ids.get(text)
    if i is not None and said is not None and said != i:
        files.note(
            "ids in the post-processor are not those of the vocabulary, which count",
            f"{text!r} {said}, written as {i}",
        )
    if i is None:
        files.note(
            "special tokens without a place in the vocabulary are left out", f"{kind} {text!r}"
        )
    else:
        found.ids[kind] = i


def config_value(config: Mapping[str, object], name: str) -> object:
    """Return a field of config.json or else of its text_config."""
    value = config.get(name)
    inner = config.get("text_config")
    return inner.get(name) if value is None and isinstance(inner, Mapping) else value


def _by_config(
    files: Files,
    config: Mapping[str, object],
    found: SpecialTokens,
    vocab: Vocabulary,
    kinds: list[str],
) -> None:
    for kind in kinds:
        value = config_value(config, f"{kind}_token_id")
        if type(value) is not int or kind in found.ids:
            continue
        if valid_id(files, vocab, kind, value, "config.json"):
            found.ids[kind] = value


def valid_id(files: Files, vocab: Vocabulary, kind: str, value: int, source: str) -> bool:
    """Return whether `value` is the id of a token; note it otherwise."""
    if 0 <= value < len(vocab.tokens) and vocab.types[value] != TokenType.UNUSED:
        return True
    # -1 is how some configurations write that there is none.
    if value >= 0:
        files.note(f"ids in {source} that are no token's are left out", f"{kind} {value}")
    return False
