"""docs/tokenizers.md is what the tables and the frozen figures say."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

from tokenizing.vocabularies import VOCABULARIES

from quantcli.tokenizer.pretokenizers import FAMILIES

ROOT = Path(__file__).resolve().parents[2]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs", ROOT / "scripts/make_tokenizer_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_made_from_the_tables() -> None:
    module = script()
    page = module.PAGE.read_text("utf-8")
    assert module.page() == page, "run scripts/make_tokenizer_docs.py"


def test_every_real_vocabulary_passes_and_every_difference_has_a_reason() -> None:
    real = json.loads(script().REAL.read_text("utf-8"))
    assert list(real["vocabularies"]) == [vocabulary.name for vocabulary in VOCABULARIES]
    assert real["texts"] == 10_000
    for name, entry in real["vocabularies"].items():
        assert "" not in entry["reasons"], name
        assert entry["cases"] is None or entry["cases"][0] == entry["cases"][1], name


def test_every_family_is_named_with_its_models() -> None:
    named = json.loads(script().NAMED.read_text("utf-8"))
    assert list(named["families"]) == [family.choices[-1].name for family in FAMILIES]
    known = {vocabulary.name for vocabulary in VOCABULARIES}
    for row in (*named["kinds"], *named["families"].values()):
        assert row["models"]
        assert set(row["real"]) <= known
