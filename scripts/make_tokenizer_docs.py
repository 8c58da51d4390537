"""Write docs/tokenizers.md from the tables and what real vocabularies gave.

    python scripts/make_tokenizer_docs.py

The figures are those of tests/fixtures/tokenizers/real.json (`make conformance-tokenizers`), the
models those of docs/data/tokenizers.json, by the last name of a family's choices.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tokenizers.md"
NAMED = ROOT / "docs" / "data" / "tokenizers.json"
REAL = ROOT / "tests" / "fixtures" / "tokenizers" / "real.json"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

HEAD = """# Tokenizers

The folder's files decide what a tokenizer is, whatever the architecture; nothing is guessed by
trying encodings, nor by hashes. What no row describes is refused with the difference to the nearest
one, and `--pre-tokenizer NAME` names llama.cpp's pre-tokenizer by hand.

*Real* are published vocabularies: each is converted with `--vocab-only`, passes llama.cpp's own
cases where it has any, and is given {texts:,} texts (every stripe of Unicode, white space, control
characters, pieces of special tokens, tokens in orders that never met in training). The column says
for how many of them llama.cpp ({xllamacpp}) makes other ids than the tokenizer (tokenizers
{tokenizers}). Each of those has a reason that is llama.cpp's, proven by changing just that; the
reasons are below. *Trained*: small vocabularies of that kind, in `make test`.
`make conformance-tokenizers` runs all of it.

| in the folder | tokenizer.ggml.model | models | other ids |
|---|---|---|---|
"""
BPE = """
## Byte-level BPE

By the steps of tokenizer.json's pre_tokenizer. Where llama.cpp has several names for one family,
its vocabulary, its `ignore_merges` and its post-processor choose. The names of a row split alike.

| tokenizer.ggml.pre | models | other ids |
|---|---|---|
"""
REASONS = """
## What llama.cpp does otherwise

| reason | what | vocabularies |
|---|---|---|
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.name)


def page() -> str:
    """Return docs/tokenizers.md."""
    families = importlib.import_module("quantcli.tokenizer.pretokenizers").FAMILIES
    real, named = (json.loads(path.read_text("utf-8")) for path in (REAL, NAMED))
    found = real["vocabularies"]
    text = HEAD.format(texts=real["texts"], **real["versions"])
    for row in named["kinds"]:
        proof = row.get("proof") or _proof(found, row["real"])
        text += f"| {row['files']} | {row['model']} | {row['models']} | {proof} |\n"
    text += BPE
    for family in families:
        names = [choice.name for choice in family.choices]
        row = named["families"][names[-1]]
        text += f"| {', '.join(names)} | {row['models']} | {_proof(found, row['real'])} |\n"
    text += REASONS
    differences = importlib.import_module("tokenizing.differences")
    for name, says in differences.sentences().items():
        counts = {
            vocabulary: sum(n for why, n in entry["reasons"].items() if name in why.split(" and "))
            for vocabulary, entry in found.items()
        }
        where = ", ".join(f"{vocabulary} {n}" for vocabulary, n in counts.items() if n)
        text += f"| {name} | {says} | {where or '—'} |\n"
    return text


def _proof(found: dict[str, Any], names: list[str]) -> str:
    parts = []
    for name in names:
        if (entry := found.get(name)) is not None:
            cases = f", {entry['cases'][0]}/{entry['cases'][1]} cases" if entry["cases"] else ""
            parts.append(f"{name} {sum(entry['reasons'].values())}{cases}")
    return "; ".join(parts) or "trained"


if __name__ == "__main__":
    main()
