"""llama.cpp, given the exported keys, does what transformers does with the same folder.

What transformers makes of each scenario is frozen by scripts/freeze_tokenizers.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizer_scenarios import SCENARIOS, STRINGS, Scenario
from tokenizing.runtime import load

from quantcli.tokenizer import TokenizerExport, export

FIXTURE = Path(__file__).parents[1] / "fixtures" / "tokenizers" / "transformers.json"
FROZEN: dict[str, Any] = json.loads(FIXTURE.read_text("utf-8"))
KEYS = {
    "bos": "bos_token_id",
    "eos": "eos_token_id",
    "sep": "seperator_token_id",
    "pad": "padding_token_id",
    "mask": "mask_token_id",
}
# What the post-processor adds is not named bos; llama.cpp adds nothing else.
BOS_BY_POST_PROCESSOR = {"post-processor-begins-with-another", "no-settings"}
# llama.cpp takes these for control tokens by their text alone, added or not.
KNOWN_BY_TEXT = ("<|endoftext|>",)


def run(scenario: Scenario, folder: Path) -> TokenizerExport:
    scenario.write(folder)
    return export(folder, scenario.kind, rows=scenario.rows, config=scenario.config)


def special_ids(exported: TokenizerExport) -> dict[str, Any]:
    found = {key: value for key, _, value in exported.keys}
    ids = {kind: found.get(f"tokenizer.ggml.{key}") for kind, key in KEYS.items()}
    return {kind: i for kind, i in ids.items() if i is not None}


def comparable(scenario: Scenario, text: str, exported: TokenizerExport, ids: list[int]) -> bool:
    """Whether llama.cpp can do the same, whatever the file says."""
    specials = [*KNOWN_BY_TEXT, "<x>", "<|stop|>"]
    if scenario.metaspace and (text[:1] == " " or any(s in text for s in specials)):
        return False
    if exported.model == "t5" and "\n" in text:
        return False  # a real normalizer's table makes spaces of control characters
    return all(i < exported.size for i in ids)


def test_every_scenario_is_frozen() -> None:
    assert list(FROZEN) == list(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_ids_equal_those_of_transformers(name: str, tmp_path: Path) -> None:
    scenario, frozen = SCENARIOS[name], FROZEN[name]
    exported = run(scenario, tmp_path)
    llama = load(exported, tmp_path)
    compared = 0
    for text, plain, around in zip(STRINGS, frozen["plain"], frozen["around"], strict=True):
        if not comparable(scenario, text, exported, around):
            continue
        compared += 1
        assert llama.tokenize(text) == plain, text
        if scenario.around:
            assert llama.tokenize(text, special=True) == around, text
    assert compared >= 8


@pytest.mark.parametrize("name", SCENARIOS)
def test_special_ids_and_texts_equal_those_of_transformers(name: str, tmp_path: Path) -> None:
    scenario, frozen = SCENARIOS[name], FROZEN[name]
    exported = run(scenario, tmp_path)
    got, named = special_ids(exported), dict(frozen["ids"])
    named.setdefault("bos", named.get("cls"))
    named.setdefault("eos", named.get("sep"))
    if name in BOS_BY_POST_PROCESSOR:
        named["bos"] = frozen["around"][0][0]
    for kind, i in got.items():
        if any(f"has no {kind} token" in note for note in exported.notes):
            continue  # a stand-in; transformers has none
        assert i == named.get(kind), kind
    needed = {"bos", "eos"} & {kind for kind, i in named.items() if i is not None}
    assert needed <= set(got)
    tokens = next(v for key, _, v in exported.keys if key == "tokenizer.ggml.tokens")
    assert isinstance(tokens, tuple)
    expected = {int(i): text for i, text in frozen["added"].items() if int(i) < exported.size}
    assert {i: tokens[i] for i in expected} == expected
