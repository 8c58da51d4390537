"""What of a converted file is compared with the frozen record of its case."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from field.case import Case, Right
from field.cases import PAIR, SENTENCES, prompt
from field.runtime import Runtime

import quantcli
from quantcli.app.convert import Conversion

FIXTURES = Path(__file__).parents[1] / "fixtures" / "field"
Json = dict[str, Any]
# Names of special tokens in GGUF, where they have one there.
KEYS = {
    "bos": "bos",
    "eos": "eos",
    "pad": "padding",
    "unk": "unknown",
    "sep": "seperator",
    "mask": "mask",
}
ENDS = ("eos", "eot", "eom")


def record(name: str) -> Json:
    """The frozen record of a case."""
    found: Json = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))
    return found


def keys(path: Path) -> Json:
    """Every key of a GGUF file."""
    reader = gguf.GGUFReader(path)
    return {name: field.contents() for name, field in reader.fields.items()}


def wrongs(case: Case, model: Path, output: Path, done: Conversion) -> Iterator[str]:
    """What is wrong with the file of a case that must come out right, as sentences."""
    expect = case.expect
    assert isinstance(expect, Right)
    found = keys(output)
    yield from _notes(expect, done.notes)
    for name, value in expect.keys.items():
        if found.get(name) != value:
            yield f"{name} is {found.get(name)!r}, not {value!r}"
    check = quantcli.verify(output, against=model, jobs=1)
    yield from (f"verify: {problem}" for problem in check.problems)
    if not (expect.ids or expect.compute):
        return
    true = record(case.name)
    yield from _special(true, found, done.notes)
    yield from _template(true, found)
    yield from _run(expect, true, output, found)


def _notes(expect: Right, notes: Iterable[str]) -> Iterator[str]:
    for words in expect.notes:
        if not any(all(word in note for word in words) for note in notes):
            yield f"no note says {words}: {list(notes)}"


def _special(true: Json, found: Json, notes: Iterable[str]) -> Iterator[str]:
    """Special ids, and the first stop token, which is eos."""
    size = len(found["tokenizer.ggml.tokens"])
    expected = {name: true["special"][name] for name in KEYS if name in true["special"]}
    stop = true.get("stop") or []
    # What config.json calls an end without the tokenizer knowing it as one is no end by its text.
    if stop and (len(stop) > 1 or "eos" not in expected or "generation" in true):
        expected["eos"] = stop[0]
    for name, number in expected.items():
        key = f"tokenizer.ggml.{KEYS[name]}_token_id"
        if number < size and found.get(key) != number and not (name == "unk" and key not in found):
            yield f"{key} is {found.get(key)!r}, not {number}"


def _template(true: Json, found: Json) -> Iterator[str]:
    template = true["template"]
    main = template.get("default") if isinstance(template, dict) else template
    if found.get("tokenizer.chat_template") != main:
        yield f"the chat template is {found.get('tokenizer.chat_template')!r}, not {main!r}"


def _run(expect: Right, true: Json, output: Path, found: Json) -> Iterator[str]:
    encoder = found["general.architecture"] == "bert"
    loaded = Runtime(
        output,
        encoder=encoder,
        pooled="bert.pooling_type" in found,
        rank="score" in true,
    )
    loaded.answer()
    size = len(found["tokenizer.ggml.tokens"])
    if expect.ids:
        yield from _texts(expect, true, loaded, size)
    if "logits" in true:
        yield from _close("logits", loaded.next_logits(prompt(size), size), true, expect)
        for token in true["stop"][:3]:
            if token < size and len(true["stop"]) > 1 and not loaded.stops_at(token, [5, 6]):
                yield f"generation goes on after token {token}"
    elif "embeddings" in true:
        for text, vector in zip(SENTENCES, true["embeddings"], strict=True):
            yield from _direction(text, loaded.embed([text])[0], vector, expect)
    elif "score" in true:
        score = loaded.score(*PAIR)
        if abs(score - true["score"][0]) > expect.tolerance * abs(true["score"][0]):
            yield f"the score is {score}, not {true['score'][0]}"


def _texts(expect: Right, true: Json, loaded: Runtime, size: int) -> Iterator[str]:
    for text, ids in true["ids"].items():
        if max(ids, default=0) >= size:
            continue  # a token that has no row, and that a note names
        # A space before the text, as the original puts one, gives what the original makes of it.
        given = f" {text}" if expect.prefix_space and text and not text.startswith(" ") else text
        plain = loaded.ids(given, special=False)
        if plain != ids:
            yield f"{text!r} is {plain}, not {ids}"
    full, around = loaded.ids("x", special=True), [*true["before"], *true["after"]]
    wanted = [*true["before"], *loaded.ids("x", special=False), *true["after"]]
    if full != wanted and max(around, default=0) < size:
        yield f"around a text stands {full}, not {wanted}"


def _close(what: str, ours: list[float], true: Json, expect: Right) -> Iterator[str]:
    theirs = np.array(true[what][: len(ours)])
    theirs -= theirs.mean()
    if len(theirs) != len(ours):
        yield f"{len(ours)} {what}, not {len(theirs)}"
        return
    error = float(np.abs(np.array(ours) - theirs).max() / np.abs(theirs).max())
    if not error <= expect.tolerance:
        yield f"{what} differ by {error:.2g} of the largest"


def _direction(text: str, ours: list[float], theirs: list[float], expect: Right) -> Iterator[str]:
    if len(ours) != len(theirs):
        yield f"{len(ours)} numbers, not {len(theirs)}"
        return
    one, other = (np.array(v) / np.linalg.norm(v) for v in (ours, theirs))
    error = float(np.abs(one - other).max() / np.abs(other).max())
    if not error <= expect.tolerance:
        yield f"the embedding of {text!r} differs by {error:.2g} of the largest"
