"""A vocabulary as GGUF stores it: one text, one type and perhaps one score an id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from quantcli.tokenizer.files import Files

Key = tuple[str, str, object]
"""Full GGUF key, value type name, value."""

PAD_SCORE = -10000.0
"""Score of ids without a token, as llama.cpp's converter gives it."""
ADDED_SCORE = -1000.0
"""Score of added tokens, as llama.cpp's converter gives it."""


class TokenType(IntEnum):
    """Token types of `tokenizer.ggml.token_type`."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(slots=True)
class Vocabulary:
    """Texts, types and scores by id; the three lists have one length.

    Attributes:
        tokens: text by id, as it is written.
        types: type by id.
        scores: score by id.
        ids: id by text, as the tokenizer knows it; this is where every special token is looked up.
    """

    tokens: list[str]
    types: list[int]
    scores: list[float]
    ids: dict[str, int] = field(default_factory=dict)

    def keys(self, model: str, pre: str | None, *, scored: bool = True) -> list[Key]:
        """Return the keys that begin every tokenizer section, in the converter's order.

        Args:
            model: tokenizer.ggml.model.
            pre: tokenizer.ggml.pre; None for a kind that has none.
            scored: whether this kind of tokenizer has scores.
        """
        keys: list[Key] = [("tokenizer.ggml.model", "string", model)]
        if pre is not None:
            keys.append(("tokenizer.ggml.pre", "string", pre))
        keys.append(("tokenizer.ggml.tokens", "array:string", tuple(self.tokens)))
        if scored:
            keys.append(("tokenizer.ggml.scores", "array:float32", tuple(self.scores)))
        keys.append(("tokenizer.ggml.token_type", "array:int32", tuple(map(int, self.types))))
        return keys


def blank(size: int) -> Vocabulary:
    """Return a vocabulary of `size` unused ids, to be filled."""
    return Vocabulary(
        [f"[PAD{i}]" for i in range(size)], [TokenType.UNUSED] * size, [PAD_SCORE] * size
    )


def looks_special(text: str) -> bool:
    """Return whether an added token is a control token by its spelling alone.

    Some tokenizers do not flag theirs; the spellings are those of llama.cpp's converter.
    """
    return (
        text in {"<pad>", "<mask>", "<2mass>", "[@BOS@]"}
        or (text.startswith("<|") and text.endswith("|>"))
        or (text.startswith("<\uff5c") and text.endswith("\uff5c>"))
        or (text.startswith("<unused") and text.endswith(">"))
    )


def configured_size(config: Mapping[str, object], *names: str) -> int | None:
    """Return the first of the integer fields `names` of config.json or its text_config."""
    inner = config.get("text_config")
    for name in names:
        for place in (config, inner if isinstance(inner, Mapping) else {}):
            value = place.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return None


def make_unique(files: Files, vocab: Vocabulary) -> None:
    """Give every id a text of its own that is not empty; llama.cpp refuses anything else.

    A zero character counts as the end of a text, as it does there.

    Of several ids with one text the one whose text must be found keeps it: a control or
    user-defined token before others, and the lowest id among equals.
    """
    zero = any("\0" in text for text in vocab.tokens)
    if len(set(vocab.tokens)) == len(vocab.tokens) and "" not in vocab.tokens and not zero:
        return
    owners: dict[str, int] = {}
    added = (TokenType.CONTROL, TokenType.USER_DEFINED)
    losers: list[int] = []
    for i, (text, kind) in enumerate(zip(vocab.tokens, vocab.types, strict=True)):
        owner = owners.setdefault(text, i)
        if text == "" or "\0" in text:
            losers.append(i)
        elif owner != i:
            wins = kind in added and vocab.types[owner] not in added
            losers.append(owner if wins else i)
            owners[text] = i if wins else owner
    taken = set(vocab.tokens)
    for i in losers:
        own = vocab.tokens[i] and "\0" not in vocab.tokens[i]
        name = f"[DUPLICATE_{i}]" if own else f"[EMPTY_{i}]"
        while name in taken:
            name = f"[{name}]"
        taken.add(name)
        files.note(
            "ids have the text of another id or none, which llama.cpp does not allow, and get one",
            f"{i} {vocab.tokens[i]!r}, written as {name}",
        )
        vocab.tokens[i], vocab.types[i] = name, TokenType.UNUSED
