"""Finds llama.cpp's name for a pre-tokenizer by the structure of tokenizer.json."""

from __future__ import annotations

import difflib
from collections.abc import Container, Mapping
from typing import Any

from quantcli.errors import TokenizerError
from quantcli.tokenizer import regexes as rx
from quantcli.tokenizer.classes import TokenizerClass
from quantcli.tokenizer.files import TOKENIZER, Files, steps
from quantcli.tokenizer.pretokenizers import (
    BYTES,
    FAMILIES,
    NAMES,
    OTHER_NAMES,
    Choice,
    Family,
    split,
)

OPTION = "--pre-tokenizer NAME"


def checked_name(name: str) -> str:
    """Return `name` when llama.cpp knows it.

    Raises:
        TokenizerError: it does not.
    """
    if name in NAMES or name in OTHER_NAMES:
        return name
    near = difflib.get_close_matches(name, NAMES, n=3, cutoff=0.4)
    raise TokenizerError(
        f"llama.cpp knows no pre-tokenizer {name!r}",
        where=OPTION,
        hint=f"Did you mean {' or '.join(near)}?"
        if near
        else "For example: gpt-2, llama-bpe, qwen2.",
    )


def canonical_steps(files: Files) -> tuple[str, ...]:
    """Return the pre_tokenizer of tokenizer.json as canonical steps."""
    found: list[str] = []
    for step in steps((files.tokenizer or {}).get("pre_tokenizer"), "pretokenizers"):
        found.extend(_canonical(step))
    return tuple(found)


def _canonical(step: Mapping[str, Any]) -> list[str]:
    kind = step.get("type")
    if kind == "ByteLevel":
        # An absent use_regex means true: the key is younger than the format.
        return [split(rx.GPT2), BYTES] if step.get("use_regex", True) else [BYTES]
    if kind == "Digits":
        return [split(r"\p{N}") if step.get("individual_digits") else split(r"\p{N}+")]
    if kind == "Punctuation":
        return [f"Punctuation {step.get('behavior', 'Isolated')}"]
    if kind == "Split":
        return [_canonical_split(step)]
    options = sorted((k, v) for k, v in step.items() if k != "type" and not isinstance(v, dict))
    return [" ".join([str(kind), *(f"{k}={v}" for k, v in options)])]


def _canonical_split(step: Mapping[str, Any]) -> str:
    pattern = step.get("pattern")
    regex = pattern.get("Regex") if isinstance(pattern, Mapping) else None
    how = (step.get("behavior"), bool(step.get("invert")))
    # What is not matched is removed: the matches cover the text, so this isolates them as well.
    if isinstance(regex, str) and how in (("Isolated", False), ("Removed", True)):
        return split(regex)
    return f"Split {how[0]} invert={how[1]} {pattern}"


def detect(files: Files, tokens: Container[str], cls: TokenizerClass) -> str:
    """Return llama.cpp's name for the pre-tokenizer of a byte-level BPE tokenizer.

    tokenizer.json decides, where there is one: it is what the model was trained with. Some classes
    of transformers 5 set up their own split instead (SmolLM2 as GPT-2's, without single digits).

    Args:
        files: the tokenizer's files.
        tokens: the texts of the vocabulary.
        cls: the tokenizer's class, which decides when there is no tokenizer.json.

    Raises:
        TokenizerError: the structure is none of the known ones; names the nearest.
    """
    if files.tokenizer is None:
        return _by_class(files, cls)
    found = canonical_steps(files)
    for family in FAMILIES:
        if found in family.spellings:
            return _choose(files, family, tokens)
    raise _unknown(files, found)


def _by_class(files: Files, cls: TokenizerClass) -> str:
    if cls.pre is not None:
        return cls.pre
    name = files.settings.get("tokenizer_class", "unknown")
    raise TokenizerError(
        f"{TOKENIZER} is missing, and neither the tokenizer's class ({name}) nor config.json's "
        "model_type tells how text is split",
        where=str(files.root),
        hint=f"Add {TOKENIZER}, or name the pre-tokenizer with {OPTION}, for example gpt-2.",
    )


def _choose(files: Files, family: Family, tokens: Container[str]) -> str:
    whole = bool(files.model().get("ignore_merges", False))
    fitting = [c for c in family.choices if _fits(files, c, tokens)]
    exact = [c for c in fitting if NAMES[c.name].ignore_merges == whole]
    name = (exact or fitting or list(family.choices))[0 if exact else -1].name
    if not exact:
        files.note(
            f"tokenizer.json has ignore_merges {str(whole).lower()}, which llama.cpp's "
            f"{name!r} has not: rare words may be split differently"
        )
    return name


def _fits(files: Files, choice: Choice, tokens: Container[str]) -> bool:
    if not all(text in tokens for text in choice.tokens):
        return False
    if choice.clean is not None:
        clean = files.settings.get("clean_up_tokenization_spaces", False)
        if bool(clean) != choice.clean:
            return False
    processors = steps((files.tokenizer or {}).get("post_processor"), "processors")
    return choice.processor is None or any(p.get("type") == choice.processor for p in processors)


def _unknown(files: Files, found: tuple[str, ...]) -> TokenizerError:
    # A damaged file may hold anything; comparing takes its time.
    found = tuple(step[:1000] for step in found[:20])
    known = {"\n".join(s): f.choices[-1].name for f in FAMILIES for s in f.spellings}
    mine = "\n".join(found)
    ranked = sorted(
        known, key=lambda s: difflib.SequenceMatcher(None, mine, s, autojunk=False).ratio()
    )
    near = ranked[-1]
    lines = difflib.ndiff(near.splitlines(), found)
    changed = [line for line in lines if line[0] in "+-"]
    shown = "\n".join(["the pre-tokenizer is none that llama.cpp is known to have", *changed])
    return TokenizerError(
        f"{shown}\n(- the nearest known one, {known[near]!r}; + this tokenizer)",
        where=files.where(TOKENIZER),
        hint=f"Where llama.cpp has one that splits alike, name it: {OPTION} ({known[near]}, …).",
    )
