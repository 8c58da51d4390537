"""Freeze what transformers makes of the tests' tokenizer folders, as JSON for the tests.

Runs where `transformers` is installed, which the tests themselves never need:

    python scripts/freeze_tokenizers.py

Writes tests/fixtures/tokenizers/transformers.json: by scenario of tests/tokenizer_scenarios.py the
ids of every text without and with the tokens that the tokenizer adds, the special ids, and the
added tokens by id.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "tokenizers" / "transformers.json"
KINDS = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def main() -> None:
    """Freeze every scenario."""
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


if __name__ == "__main__":
    main()
