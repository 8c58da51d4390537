"""Freeze what transformers loads from folders in which the files leave a choice.

Runs where torch and transformers 5 are installed, which the tests themselves never need:

    python scripts/freeze_file_choices.py

Writes tests/fixtures/file_choices.json: folder → tensor → digest of its values as float32.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "file_choices.json"
sys.path.insert(0, str(ROOT / "tests"))


def main() -> None:
    """Freeze all folders."""
    choices = importlib.import_module("file_choices")
    with tempfile.TemporaryDirectory() as scratch:
        record = {}
        for name, write in choices.FOLDERS.items():
            folder = Path(scratch) / name
            write(folder)
            record[name] = loaded(folder, choices.digest)
    FIXTURE.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{FIXTURE.relative_to(ROOT)}: {len(record)} folders")


def loaded(folder: Path, digest: Any) -> dict[str, str]:
    """Return tensor → digest; a tied head is no tensor of its own."""
    torch = importlib.import_module("torch")
    auto = importlib.import_module("transformers").AutoModelForCausalLM
    model, report = auto.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    if report["missing_keys"] or report["mismatched_keys"]:
        raise SystemExit(f"{folder.name}: {report}")
    tied = {"lm_head.weight"} if model.config.tie_word_embeddings else set()
    state = model.state_dict()
    return {name: digest(state[name].numpy()) for name in sorted(state.keys() - tied)}


if __name__ == "__main__":
    main()
