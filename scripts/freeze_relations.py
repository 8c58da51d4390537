"""Freeze what a real llama.cpp makes of the broken and the unusual files of tests/broken_gguf.py.

    python scripts/freeze_relations.py

Needs xllamacpp of the test extra. Writes tests/fixtures/relations.json: for each row how loading
and running the file ends: "runs", "refuses", "aborts" with the assertion, or "fails" while running.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "relations.json"
for folder in ("tests", "bench"):
    sys.path.insert(0, str(ROOT / folder))

_ASSERTION = re.compile(r"GGML_ASSERT\(.*?\) failed|$")


def main() -> None:
    """Freeze every row."""
    rows: Any = importlib.import_module("broken_gguf")
    child = importlib.import_module("llama_child").Child()
    every = {name: (row.base, row.change) for name, row in rows.BROKEN.items()} | rows.UNUSUAL
    endings = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, (base, change) in every.items():
            path = rows.make(base, change, Path(scratch))
            use = "embed" if base.startswith("bert") else "generate"
            endings[name] = ending(child.refusal(path, use))
            print(f"{name}: {endings[name]}")
    child.close()
    FIXTURE.write_text(json.dumps(endings, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


def ending(refusal: str | None) -> str:
    """Return in a few words how it ended."""
    if refusal is None:
        return "runs"
    if refusal.startswith("died"):
        found = _ASSERTION.search(refusal)
        return f"aborts: {found[0]}" if found and found[0] else "aborts"
    return "refuses" if "Failed to init server" in refusal else "fails"


if __name__ == "__main__":
    main()
