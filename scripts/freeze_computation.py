"""Freeze what transformers computes for the checkpoints of tests/computed.py.

Runs where torch and transformers are installed, which the tests themselves never need:

    python scripts/freeze_computation.py

Writes tests/fixtures/computation/transformers.json: for a language model the logits after the
text, shifted to a mean of 0; for a classifier its outputs.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))


def main() -> None:
    """Freeze every case."""
    computed: Any = importlib.import_module("computed")
    transformers: Any = importlib.import_module("transformers")
    record: dict[str, Any] = {"transformers": transformers.__version__}
    with tempfile.TemporaryDirectory() as scratch:
        for number, (name, case) in enumerate(computed.CASES.items()):
            folder = computed.write_case(case, Path(scratch) / str(number))
            record[name] = outputs(folder, computed.TEXT, classifies=bool(case.classes))
    computed.FIXTURE.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in record.items())
    computed.FIXTURE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def outputs(folder: Path, text: str, *, classifies: bool) -> list[float]:
    """Return what the checkpoint in `folder` gives for `text`, five digits a number."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    kind = "SequenceClassification" if classifies else "CausalLM"
    model = getattr(transformers, f"AutoModelFor{kind}").from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    )
    tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(
        str(folder / "tokenizer.json")
    )
    ids = torch.tensor([tokenizer.encode(text[:60] if classifies else text).ids])
    with torch.no_grad():
        values = model.eval()(ids).logits[0].double()
    if not classifies:
        values = values[-1] - values[-1].mean()
    return [float(f"{value:.5g}") for value in values.tolist()]


if __name__ == "__main__":
    main()
