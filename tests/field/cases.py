"""All cases, and the texts that every tokenizer is tried with."""

from __future__ import annotations

from field import message_cases, model_cases, tokenizer_cases
from field.case import Case, Right
from field.folders import Folder

CASES: dict[str, Case] = {
    case.name: case
    for table in (tokenizer_cases, model_cases, message_cases)
    for case in table.CASES
}

TEXTS = (
    "the cat sat on the mat",
    "Hello World",
    "hello  world",
    "The Caf\u00e9 in Berlin",
    "caf\u00e9 CAT cats",
    "12345 6,7.8",
    "test of a token!?",
    "it's We'LL",
    " a leading space",
    "a\nb\n\nc",
    "\u4e16\u754c \U0001f600",
    "tab\there",
    "x",
    "",
)
PAIR = ("the cat", "a hat in Berlin")
"""Query and document that a cross-encoder gives its score."""
SENTENCES = ("the cat sat on the mat", "Berlin hat 12", "x")
"""Texts that an encoder embeds."""
PROMPT = 12
"""Length of the prompt whose next token's logits are compared."""


def texts(folder: Folder) -> tuple[str, ...]:
    """TEXTS and, for each special token in tokenizer.json, itself and a text that holds it."""
    entries = folder.files.get("tokenizer.json", {}).get("added_tokens", [])
    special = [entry["content"] for entry in entries if entry["special"]]
    return (*TEXTS, *special, *(f"cat{text}hat" for text in special))


def prompt(size: int) -> list[int]:
    """Token ids from all over a vocabulary of `size`."""
    return [(37 * i + 5) % size for i in range(PROMPT)]


def recorded() -> dict[str, Case]:
    """The cases with a frozen record."""
    return {
        name: case
        for name, case in CASES.items()
        if isinstance(case.expect, Right) and (case.expect.compute or case.expect.ids)
    }
