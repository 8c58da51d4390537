"""Why llama.cpp makes other tokens of a text than the tokenizer: each reason has a proof.

A reason changes what the tokenizer is given, the text or its tokenizer.json, in exactly the one
thing that llama.cpp does otherwise. Where the tokenizer then makes what llama.cpp made (or both
make the same of the changed text), the reason holds. What no reason explains is a fault.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import tokenizers
from tokenizers import pre_tokenizers

from quantcli.tokenizer import regexes as rx

Encode = Callable[[str], list[int]]
_OLD_LETTER = "\ua6a0"
"""A letter without case that Unicode has had since 5.2."""
_UNMARKED = r"\p{L}"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that llama.cpp does otherwise.

    Attributes:
        name: of the reason.
        says: what llama.cpp does, as a sentence.
        text: the text as llama.cpp sees it, given to the tokenizer alone.
        both: the text without what makes the difference, given to both.
        change: changes tokenizer.json; returns False where it has nothing to change.
    """

    name: str
    says: str
    text: Callable[[str], str] | None = None
    both: Callable[[str], str] | None = None
    change: Callable[[dict[str, Any]], bool] | None = None


class Explainer:
    """Finds the reasons for differences.

    Args:
        tokenizer: the object in tokenizer.json.
        llama: llama.cpp.
    """

    def __init__(self, tokenizer: Mapping[str, Any], llama: Encode) -> None:
        self._llama = llama
        known = [r for r in reasons(tokenizer) if r.change is None or r.change(_copy(tokenizer))]
        self._groups = [
            (group, _changed(tokenizer, group))
            for size in (1, 2)
            for group in combinations(known, size)
        ]

    def why(self, text: str) -> tuple[str, ...]:
        """Return the names of the reasons, at most two; () where none is enough."""
        for group, encode in self._groups:
            given = _applied([reason.both for reason in group], text)
            if given == text and not any(r.change or r.text for r in group):
                continue  # the text has nothing that it concerns
            seen = _applied([reason.text for reason in group], given)
            if encode(seen) == self._llama(given):
                return tuple(reason.name for reason in group)
        return ()


def _applied(functions: Iterable[Callable[[str], str] | None], text: str) -> str:
    for function in functions:
        text = text if function is None else function(text)
    return text


def _copy(tokenizer: Mapping[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(tokenizer))
    return copied


def _changed(tokenizer: Mapping[str, Any], group: Iterable[Reason]) -> Encode:
    def make() -> dict[str, Any]:
        changed = _copy(tokenizer)
        for reason in group:
            if reason.change is not None:
                reason.change(changed)
        return changed

    return _lazily(make)


def _lazily(make: Callable[[], dict[str, Any]]) -> Encode:
    made: list[tokenizers.Tokenizer] = []

    def encode(text: str) -> list[int]:
        if not made:
            tokenizer = tokenizers.Tokenizer.from_str(json.dumps(make()))
            tokenizer.no_padding()
            tokenizer.no_truncation()
            made.append(tokenizer)
        return list(made[0].encode(text, add_special_tokens=False).ids)

    return encode


# ----------------------------------------------------------------------------- byte-level BPE
def _without_normalizer(tokenizer: dict[str, Any]) -> bool:
    had = tokenizer.get("normalizer")
    tokenizer["normalizer"] = None
    return isinstance(had, dict) and had.get("type") == "NFC"


def _older(text: str) -> str:
    return "".join(
        _OLD_LETTER if unicodedata.category(c) == "Cn" or "\U00013430" <= c <= "\U000143ff" else c
        for c in text
    )


def _splits(tokenizer: dict[str, Any]) -> list[dict[str, Any]]:
    before = tokenizer.get("pre_tokenizer") or {}
    steps = before.get("pretokenizers", [before])
    return [step for step in steps if step.get("type") == "Split" and "Regex" in step["pattern"]]


def _own_cases(tokenizer: dict[str, Any]) -> bool:
    """Split by the expression that llama.cpp has for o200k and tekken."""
    upper, lower = rf"((?=[{_UNMARKED}])([^a-z]))", rf"((?=[{_UNMARKED}])([^A-Z]))"
    changed = False
    for step in _splits(tokenizer):
        pattern = step["pattern"]["Regex"]
        found = pattern.replace(rx.CASED[0], rf"[^\r\n\p{{L}}\p{{N}}]?{upper}*{lower}+")
        found = found.replace(rx.CASED[1], rf"[^\r\n\p{{L}}\p{{N}}]?{upper}+{lower}*")
        changed |= found != pattern
        step["pattern"]["Regex"] = found
    return changed


def _without_runs(tokenizer: dict[str, Any]) -> bool:
    before = tokenizer["added_tokens"]
    after = [entry for entry in before if set(entry["content"]) != {"\u2581"}]
    tokenizer["added_tokens"] = after
    return len(after) != len(before)


_RARE = str.maketrans(dict.fromkeys("\x1c\x1d\x1e\x1f\x85\u2028\u2029\u3000", "\u2003"))
_BY_TEXT = (
    *("<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>"),
    *("<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]"),
    *("<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>", "[PAD]"),
)


def _control_by_text(tokenizer: dict[str, Any]) -> bool:
    """Make special tokens of those that llama.cpp takes for such by their text."""
    listed = {entry["content"] for entry in tokenizer["added_tokens"]}
    vocab = tokenizer["model"]["vocab"]
    if isinstance(vocab, list):
        return False
    new = [text for text in _BY_TEXT if text in vocab and text not in listed]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    tokenizer["added_tokens"] += [
        {"id": vocab[text], "content": text, "special": True, **flags} for text in new
    ]
    return bool(new)


def _covered(tokenizer: Mapping[str, Any]) -> Callable[[str], str]:
    """Return what takes the characters out of a text of whose bytes the vocabulary lacks one."""
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    known = tokenizer["model"]["vocab"]

    def covered(text: str) -> str:
        return "".join(
            c for c in text if all(x in known for w, _ in letters.pre_tokenize_str(c) for x in w)
        )

    return covered


def reasons(tokenizer: Mapping[str, Any]) -> tuple[Reason, ...]:
    """Return the reasons that a tokenizer of this kind may have, most likely first."""
    kind = tokenizer["model"]["type"]
    return {"WordPiece": _WORDPIECE, "Unigram": ()}.get(kind) or (
        *_BPE,
        Reason(
            "missing bytes",
            "Bytes that the vocabulary lacks are left out after merging, by the tokenizers library "
            "before it.",
            both=_covered(tokenizer),
        ),
    )


_NEW = Reason("new characters", "Its tables of Unicode lack the newest characters.", both=_older)
_BPE = (
    Reason("NFC", "Texts are taken as they are, not normalized.", change=_without_normalizer),
    Reason(
        "marks",
        "Its expression for o200k and tekken takes no combining marks into a word, and for small "
        "letters all that are not A-Z.",
        change=_own_cases,
    ),
    Reason(
        "control by text",
        "A token that is spelled like the end of a turn or a text is a control token, whatever the "
        "file says.",
        change=_control_by_text,
    ),
    _NEW,
    Reason(
        "white space",
        "The rarer white space (U+001C to U+001F, U+0085, U+2028, U+2029, U+3000) is not told "
        "apart, or is none.",
        both=lambda text: text.translate(_RARE),
    ),
    Reason(
        "U+2581",
        "The character in a text is a space; the tokenizer has runs of it as tokens of their own.",
        change=_without_runs,
    ),
)


# --------------------------------------------------------------------------------- WordPiece
_CHINESE = (
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F)),
    *((0x2B740, 0x2B81F), (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)
_BLANK = frozenset("\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {
    chr(c) for c in range(0x2000, 0x200B)
}


def _words(text: str) -> str:
    """llama.cpp's words of a text for BERT's uncased WordPiece, separated by spaces."""
    words: list[str] = [""]
    for char in text:
        first = unicodedata.normalize("NFD", char)[0]  # of several characters only the first stays
        kind = unicodedata.category(first)
        if first in _BLANK:
            words.append("")
        elif first in "\0\ufffd" or kind in {"Cc", "Cf"} or kind.startswith("M"):
            continue
        else:
            lower = first.lower() if len(first.lower()) == 1 else first
            alone = kind.startswith("P") or (first < "\x7f" and kind.startswith("S"))
            if alone or any(a <= ord(first) <= b for a, b in _CHINESE):
                words += [lower, ""]
            else:
                words[-1] += lower
    return " ".join(word for word in words if word)


def _own_words(tokenizer: dict[str, Any]) -> bool:
    tokenizer["normalizer"] = None
    tokenizer["pre_tokenizer"] = {"type": "WhitespaceSplit"}
    tokenizer["model"]["max_input_chars_per_word"] = 1 << 30
    return bool(tokenizer["model"]["type"] == "WordPiece")


_WORDPIECE = (
    Reason(
        "words",
        "Of a decomposed character only the first part stays; spacing marks are accents; words may "
        "have any length; U+0085 is a space.",
        text=_words,
        change=_own_words,
    ),
    _NEW,
    Reason(
        "U+2581",
        "The character in a text begins a word.",
        both=lambda text: text.replace("\u2581", ""),
    ),
)


ORIGINAL, SPACES = "SentencePiece", "spaces"
"""Reasons where llama.cpp does as another library or use of it, which is asked as well."""


def sentences() -> dict[str, str]:
    """What llama.cpp does otherwise, by the name of the reason."""
    groups = [reasons({"model": {"type": kind, "vocab": {}}}) for kind in ("BPE", "WordPiece")]
    found: dict[str, str] = {}
    for reason in (reason for group in groups for reason in group):
        said = found.get(reason.name)
        found[reason.name] = reason.says if said in (None, reason.says) else f"{said} {reason.says}"
    found[ORIGINAL] = (
        "It does as SentencePiece, with which the model was trained, and the tokenizers library "
        "does otherwise: it normalizes by grapheme, and splits at U+0085."
    )
    found[SPACES] = (
        "It puts a space before what follows a user-defined token, as before a text (so did the "
        "first Llama tokenizers in transformers); SentencePiece only before the text."
    )
    return found
