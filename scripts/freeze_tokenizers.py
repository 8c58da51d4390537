"""Freeze what transformers makes of the tests' tokenizer folders, as JSON for the tests.

Runs where `transformers` is installed, which the tests themselves never need:

    python scripts/freeze_tokenizers.py [--llama-cpp FOLDER]

Writes tests/fixtures/tokenizers/transformers.json: by scenario of tests/tokenizer_scenarios.py the
ids of every text without and with the tokens that the tokenizer adds, the special ids, and the
added tokens by id. With the sources of llama.cpp it also (and then only) writes pretokenizers.json:
the expressions by which llama.cpp splits text for each pre-tokenizer's name.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REGEXES = ROOT / "tests" / "fixtures" / "tokenizers" / "pretokenizers.json"
FIXTURE = ROOT / "tests" / "fixtures" / "tokenizers" / "transformers.json"
KINDS = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def main() -> None:
    """Freeze every scenario, or what the sources of llama.cpp say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--llama-cpp", type=Path, help="folder of llama.cpp's sources")
    sources = parser.parse_args().llama_cpp
    if sources is not None:
        found = pretokenizers((sources / "src" / "llama-vocab.cpp").read_text("utf-8"))
        lines = (f"{json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found))
        REGEXES.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        print(f"{REGEXES.relative_to(ROOT)}: {len(found)} names")
        return
    scenarios = importlib.import_module("tokenizer_scenarios")
    frozen = {}
    for name, scenario in scenarios.SCENARIOS.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            scenario.write(folder)
            (folder / "config.json").write_text(json.dumps(scenario.config), encoding="utf-8")
            frozen[name] = record(folder, scenarios.STRINGS)
    FIXTURE.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in frozen.items())
    FIXTURE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{FIXTURE.relative_to(ROOT)}: {len(frozen)} scenarios")


def record(folder: Path, texts: tuple[str, ...]) -> dict[str, Any]:
    """Return what `AutoTokenizer` makes of `folder`."""
    tokenizer = importlib.import_module("transformers").AutoTokenizer.from_pretrained(folder)
    return {
        "class": type(tokenizer).__name__,
        "plain": [tokenizer.encode(text, add_special_tokens=False) for text in texts],
        "around": [tokenizer.encode(text) for text in texts],
        "ids": {
            kind: i
            for kind in KINDS
            if (i := getattr(tokenizer, f"{kind}_token_id", None)) is not None
        },
        "added": {str(i): t.content for i, t in tokenizer.added_tokens_decoder.items()},
    }


def pretokenizers(source: str) -> dict[str, list[str]]:
    """Return the expressions of every name in llama-vocab.cpp."""
    text = "\n".join(line for line in source.split("\n") if not line.strip().startswith("//"))
    body = text[text.index("struct llm_tokenizer_bpe :") : text.index("llm_tokenizer_bpe_session")]
    regexes: dict[str, list[str]] = {}
    for block in body.split("break;"):
        literals = re.findall(r'"((?:\\.|[^"\\])*)"', block)
        unescaped = [ast.literal_eval(f'"{literal}"') for literal in literals]
        kinds = re.findall(r"case LLAMA_VOCAB_PRE_TYPE_(\w+):", block)
        for kind in kinds or (["DEFAULT"] if "default:" in block else []):
            regexes[kind] = unescaped
    chain = text[text.index('if (tokenizer_pre == "default")') :]
    chain = chain[: chain.index("unknown pre-tokenizer type")]
    found = {}
    for part in chain.split("else if"):
        kind = re.search(r"pre_type = LLAMA_VOCAB_PRE_TYPE_(\w+)", part)
        for name in re.findall(r'tokenizer_pre == "([^"]+)"', part):
            assert kind is not None, part
            found[name] = regexes[kind[1]]
    return found


if __name__ == "__main__":
    main()
