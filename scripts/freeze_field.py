"""Freeze what transformers makes of the folders in tests/field, as JSON for the tests.

Runs where torch, transformers 5 and sentence-transformers are installed, which the tests
themselves never need; numpy, ml_dtypes and safetensors come with them:

    python scripts/freeze_field.py              # every case that must come out right
    python scripts/freeze_field.py 07 15-yarn   # those whose name begins so

Writes tests/fixtures/field/NAME.json: token ids of the case's texts, ids of special and stop
tokens, the chat template, what loading reported, and the logits, embeddings or score.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures" / "field"
NAMES = ("bos", "eos", "pad", "unk", "sep", "cls", "mask")
sys.path.insert(0, str(ROOT / "tests"))


def main(beginnings: list[str]) -> None:
    """Freeze the cases whose names begin with one of `beginnings`, or all."""
    cases = importlib.import_module("field.cases")
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for name, case in cases.recorded().items():
        if beginnings and not name.startswith(tuple(beginnings)):
            continue
        with tempfile.TemporaryDirectory() as scratch:
            try:
                record = freeze(case, cases, Path(scratch))
            except Exception as error:  # noqa: BLE001 - the libraries' own, of any type: one line a case
                print(f"{name}: {type(error).__name__}: {str(error)[:300]}")
                continue
        path = FIXTURES / f"{name}.json"
        path.write_text(dump(record), encoding="utf-8")
        print(f"{name}: {record.get('report')}")


def freeze(case: Any, cases: Any, scratch: Path) -> dict[str, Any]:
    """Return the record of one case."""
    folder = (case.expect.oracle or case.make)()
    written = folder.write(scratch / "model")
    words = folder if case.expect.tokenizer is None else case.expect.tokenizer()
    record: dict[str, Any] = {"transformers": importlib.import_module("transformers").__version__}
    record |= tokenizer_record(words.write(scratch / "tokenizer"), cases.texts(folder))
    if case.expect.compute:
        record |= model_record(written, cases)
    return record


def tokenizer_record(folder: Path, texts: tuple[str, ...]) -> dict[str, Any]:
    """Return ids with and without special tokens, special ids and the chat template."""
    transformers: Any = importlib.import_module("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    plain = {text: tokenizer.encode(text, add_special_tokens=False) for text in texts}
    full = {text: tokenizer.encode(text) for text in texts}
    before, after = ends(plain, full)
    special = {name: getattr(tokenizer, f"{name}_token_id") for name in NAMES}
    return {
        "class": type(tokenizer).__name__,
        "before": before,
        "after": after,
        "ids": plain,
        "added": {t.content: i for i, t in tokenizer.added_tokens_decoder.items() if t.special},
        "special": {name: number for name, number in special.items() if number is not None},
        "template": tokenizer.chat_template,
    }


def ends(plain: dict[str, list[int]], full: dict[str, list[int]]) -> tuple[list[int], list[int]]:
    """Return what stands before and after every text; the same for all."""
    empty = full[""]
    for cut in range(len(empty) + 1):
        before, after = empty[:cut], empty[cut:]
        if all(full[text] == [*before, *ids, *after] for text, ids in plain.items()):
            return before, after
    raise ValueError("special tokens do not stand around each text alike")


def model_record(folder: Path, cases: Any) -> dict[str, Any]:
    """Return what loading reported, the stop ids, and the numbers that the model computes."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    architecture = config["architectures"][0]
    kind: Any = getattr(transformers, architecture)
    model, report = kind.from_pretrained(
        folder, local_files_only=True, output_loading_info=True, dtype=torch.float32
    )
    model.eval()
    found = {name: sorted(map(str, value)) for name, value in report.items() if value}
    record: dict[str, Any] = {"report": found}
    with torch.no_grad():
        if architecture.endswith("ForSequenceClassification"):
            record["score"] = score(model, folder, cases.PAIR)
        elif architecture == "BertModel":
            record["embeddings"] = embeddings(model, folder, cases.SENTENCES)
        else:
            stops = model.generation_config.eos_token_id
            record["stop"] = [stops] if isinstance(stops, int) else stops or []
            prompt = cases.prompt(config["vocab_size"])
            record["logits"] = rounded(model(torch.tensor([prompt])).logits[0, -1])
    return record


def score(model: Any, folder: Path, pair: tuple[str, str]) -> list[float]:
    """Return a cross-encoder's logits; llama.cpp gives both texts the first segment."""
    transformers: Any = importlib.import_module("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    inputs = tokenizer(*pair, return_tensors="pt")
    inputs["token_type_ids"] = 0 * inputs["input_ids"]
    return rounded(model(**inputs).logits[0])


def embeddings(model: Any, folder: Path, sentences: tuple[str, ...]) -> list[list[float]]:
    """Return one embedding a text: what the folder's modules give, else the mean of all tokens."""
    if (folder / "modules.json").is_file():
        library: Any = importlib.import_module("sentence_transformers")
        encoder = library.SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        return [rounded(vector) for vector in encoder.encode(list(sentences))]
    transformers: Any = importlib.import_module("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return [
        rounded(model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(dim=0))
        for text in sentences
    ]


def rounded(values: Any) -> list[float]:
    """Return the values to six digits, far below what is compared."""
    return [float(f"{float(value):.6g}") for value in values]


def dump(record: dict[str, Any]) -> str:
    """Return JSON with one line a part."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}"
        for name, value in record.items()
    ]
    return "{" + ",\n".join(lines) + "}\n"


if __name__ == "__main__":
    importlib.import_module("transformers").logging.set_verbosity_error()
    main(sys.argv[1:])
