"""What `parser_fuzz.py` feeds: every parser of a stranger's files, each with its seeds.

A target is a folder as a user would have it, the one file in it that is mutated, and the call that
reads it. Seeds are the tiny checkpoints of the tests.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import file_mutations as mutations

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import tiny

import quantcli
from quantcli.app.plan import load_plan
from quantcli.checkpoint import open_checkpoint
from quantcli.checkpoint.safetensors_file import read_header

Mutate = Callable[[bytes, random.Random], bytes]
Run = Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Target:
    """One parser.

    Attributes:
        name: what the report calls it.
        file: name of the mutated file.
        data: the file's bytes before mutation.
        mutate: how it is mutated.
        run: reads the file in the folder; raises a QuantcliError when it refuses it.
    """

    name: str
    file: str
    data: bytes
    mutate: Mutate
    run: Run


def _plan(folder: Path) -> object:
    return quantcli.plan(folder, "Q4_0")


def _header(data: bytes, chance: random.Random) -> bytes:
    """Mutate the JSON of a safetensors header; its length and the data follow."""
    length = int.from_bytes(data[:8], "little")
    text = mutations.mutate_text(data[8 : 8 + length], chance)
    if chance.random() < 0.1:
        return mutations.mutate_bytes(data[: 8 + length], chance) + data[8 + length :]
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def _head(data: bytes, chance: random.Random) -> bytes:
    """Mutate the first bytes of a file, where its header is, as often as all of them."""
    if chance.random() < 0.5:
        return mutations.mutate_bytes(data[:400], chance) + data[400:]
    return mutations.mutate_bytes(data, chance)


_CARD = b"""---
license: apache-2.0
base_model:
- org/name
tags: [a, b]
datasets: {name: x, type: y}
version: 1.0
---
# Card
"""


def write_targets(folder: Path) -> list[tuple[Target, Path]]:
    """Write the seeds below `folder`; return every target with the folder that it works in."""
    found: list[tuple[Target, Path]] = []
    for name in tiny.MODELS:
        seed = tiny.write_tiny(name, folder / name, size=tiny.Size(layers=1))
        (seed / "README.md").write_bytes(_CARD)
        (seed / "generation_config.json").write_text('{"eos_token_id": [1, 2], "top_p": 0.9}')
        (seed / "special_tokens_map.json").write_text('{"eos_token": {"content": "a"}}')
        found += [
            (Target(f"{name}: {file}", file, (seed / file).read_bytes(), mutate, _plan), seed)
            for file, mutate in _files(seed)
        ]
    found += _single(folder)
    return found


def _files(seed: Path) -> list[tuple[str, Mutate]]:
    """Return the small files of a checkpoint and how to mutate each."""
    names = sorted(str(path.relative_to(seed)) for path in seed.rglob("*.json"))
    rest = [name for name in ("README.md", "vocab.txt") if (seed / name).is_file()]
    return [(n, mutations.mutate_text) for n in names] + [(n, mutations.mutate_bytes) for n in rest]


def _single(folder: Path) -> list[tuple[Target, Path]]:
    """Return the targets of one file each: safetensors, index, GGUF, saved plan, SentencePiece."""
    whole = tiny.write_tiny("llama", folder / "single", size=tiny.Size(layers=1))
    shards = tiny.write_tiny("llama", folder / "shards", size=tiny.Size(layers=1), shards=2)
    (folder / "plan").mkdir()
    (folder / "plan" / "plan.json").write_text(quantcli.plan(whole, "Q4_0").to_json())
    quantcli.convert(whole, "Q4_0", folder / "gguf" / "model.gguf", jobs=1)
    spm = _sentencepiece(whole, folder / "spm")
    rows: tuple[tuple[str, Path, str, Mutate, Run], ...] = (
        ("safetensors header", whole, "model.safetensors", _header, _read_header),
        ("index", shards, "model.safetensors.index.json", mutations.mutate_text, open_checkpoint),
        ("GGUF", folder / "gguf", "model.gguf", _head, _inspect),
        ("saved plan", folder / "plan", "plan.json", mutations.mutate_text, _load_plan),
        ("tokenizer.model", spm, "tokenizer.model", mutations.mutate_bytes, _plan),
    )
    return [
        (Target(name, file, (home / file).read_bytes(), mutate, run), home)
        for name, home, file, mutate, run in rows
    ]


def _read_header(folder: Path) -> object:
    return read_header(folder, "model.safetensors")


def _inspect(folder: Path) -> object:
    return quantcli.inspect(folder / "model.gguf")


def _load_plan(folder: Path) -> object:
    return load_plan(folder / "plan.json")


def _sentencepiece(whole: Path, folder: Path) -> Path:
    """Return a copy of `whole` with a SentencePiece model for its tokenizer."""
    import io

    import sentencepiece

    shutil.copytree(whole, folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the cat sat on the mat and looked at the dog"] * 20),
        model_writer=out,
        model_type="bpe",
        vocab_size=280,
        byte_fallback=True,
        num_threads=1,
        minloglevel=2,
    )
    (folder / "tokenizer.model").write_bytes(out.getvalue())
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config))
    return folder
