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
ENDS = ("bos", "eos")


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
    described = expect.metaspace and (model / "tokenizer.json").is_file()
    words = (*expect.notes, *((("space",),) if described else ()))
    yield from _notes(words, done.notes)
    yield from (f"untrue: {n}" for n in done.notes if any(word in n for word in expect.unsaid))
    for name, value in expect.keys.items():
        if found.get(name) != value:
            yield f"{name} is {found.get(name)!r}, not {value!r}"
    check = quantcli.verify(output, against=model, jobs=1)
    yield from (f"verify: {problem}" for problem in check.problems)
    if not (expect.ids or expect.compute):
        return
    true = record(case.name)
    yield from _special(true, found)
    yield from _added(true, found)
    yield from _template(true, found)
    yield from _run(expect, true, output, found)


def _notes(wanted: Iterable[tuple[str, ...]], notes: Iterable[str]) -> Iterator[str]:
    for words in wanted:
        if not any(all(word in note for word in words) for note in notes):
            yield f"no note says {words}: {list(notes)}"


def _special(true: Json, found: Json) -> Iterator[str]:
    """Ids of special tokens: the first of a list of stop tokens where the tokenizer names no end.

    llama.cpp closes a text by eos and opens it by bos, whatever else the tokenizer calls so.
    """
    size = len(found["tokenizer.ggml.tokens"])
    expected = {name: true["special"][name] for name in KEYS if name in true["special"]}
    if "eos" not in expected and true.get("stop"):
        expected["eos"] = true["stop"][0]
    if true["before"]:
        expected["bos"] = true["before"][0]
    if true["after"]:
        expected["eos"] = true["after"][-1]
    for name, number in expected.items():
        key = f"tokenizer.ggml.{KEYS[name]}_token_id"
        # Classes of tokenizers have tokens of their own for what llama.cpp never looks at.
        if number < size and found.get(key, number if name not in ENDS else None) != number:
            yield f"{key} is {found.get(key)!r}, not {number}"


def _added(true: Json, found: Json) -> Iterator[str]:
    """Added tokens stand at their numbers."""
    tokens = found["tokenizer.ggml.tokens"]
    for text, number in true["added"].items():
        if number < len(tokens) and tokens[number] != text:
            yield f"token {number} is {tokens[number]!r}, not {text!r}"


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
        for token in true["stop"][:3] if expect.stop else ():
            if token < size and not loaded.stops_at(token, [5, 6]):
                yield f"generation goes on after token {token}"
    elif "embeddings" in true:
        for text, vector in zip(SENTENCES, true["embeddings"], strict=True):
            yield from _direction(text, loaded.embed(text), vector, expect)
    elif "score" in true:
        score = loaded.score(*PAIR)
        if abs(score - true["score"][0]) > expect.tolerance * abs(true["score"][0]):
            yield f"the score is {score}, not {true['score'][0]}"


def _texts(expect: Right, true: Json, loaded: Runtime, size: int) -> Iterator[str]:
    for text, ids in true["ids"].items():
        if max(ids, default=0) >= size:
            continue  # a token that has no row, and that a note names
        holds_special = text.startswith(("cat<", "cat["))
        if expect.metaspace and (text.startswith(" ") or holds_special):
            continue
        if expect.prefix_space and holds_special:
            continue
        # A space before the text, as the original puts one, gives what the original makes of it.
        spaced = expect.prefix_space and text and not text.startswith((" ", "<"))
        given = f" {text}" if spaced else text
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
