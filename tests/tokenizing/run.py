"""Convert real vocabularies and ask llama.cpp and the tokenizers the same 10,000 texts each."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import vocab_gguf
from tokenizer_folders import STRINGS, write_json

import quantcli
from quantcli.container.reader import GgufFile
from tokenizing import strings, vocabularies
from tokenizing.differences import Explainer
from tokenizing.runtime import Runtime
from tokenizing.vocabularies import Truth, Vocabulary

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "tests" / "fixtures" / "tokenizers" / "real.json"
BUILD = ROOT / "build" / "vocabularies"
_SHOWN = 4
"""Differences without a reason that are shown."""
_MARK = "\n__ggml_vocab_test__\n"


@dataclass(frozen=True, slots=True)
class Result:
    """What one vocabulary gave.

    Attributes:
        texts: how many were asked.
        reasons: differences by reason; the empty text for those that none explains.
        cases: llama.cpp's own cases that pass, and how many there are.
        seconds: of the conversion.
        model, pre, tokens: what was written.
    """

    texts: int
    reasons: dict[str, int]
    cases: tuple[int, int] | None
    seconds: float
    model: str
    pre: str
    tokens: int


def main(arguments: list[str]) -> int:
    """Run, print, freeze what was found; 1 when a difference has no reason or a case fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="vocabularies; all by default")
    parser.add_argument("--llama-cpp", type=Path, help="folder of llama.cpp's sources")
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-freeze", action="store_true")
    given = parser.parse_args(arguments)
    vocabularies.fetch(BUILD)
    wrong = 0
    for vocabulary, source in _chosen(given.names, given.llama_cpp):
        result = check(vocabulary, source, given.texts, given.seed)
        failed = result.reasons.get("", 0) or (result.cases and result.cases[0] < result.cases[1])
        wrong += bool(failed)
        print(f"{vocabulary.name:16} {_line(result)}{'   FAULT' if failed else ''}", flush=True)
        if not given.no_freeze:
            _freeze(vocabulary, result, given.seed)
    return int(wrong > 0)


def _freeze(vocabulary: Vocabulary, result: Result, seed: int) -> None:
    """Write what one vocabulary gave beside what the others gave to the same texts and tools."""
    versions = {name: version(name) for name in ("tokenizers", "sentencepiece", "xllamacpp")}
    head = {"versions": versions, "texts": result.texts, "seed": seed}
    found = json.loads(FIXTURE.read_text("utf-8")) if FIXTURE.exists() else {}
    rows = found.pop("vocabularies", {}) if found.items() >= head.items() else {}
    rows[vocabulary.name] = _record(vocabulary, result)
    names = [one.name for one in vocabularies.VOCABULARIES if one.name in rows]
    lines = [f'"{name}": {json.dumps(rows[name])}' for name in names]
    text = json.dumps(head)[:-1] + ', "vocabularies": {\n' + ",\n".join(lines) + "\n}}\n"
    FIXTURE.write_text(text, encoding="utf-8")


def _chosen(names: list[str], tree: Path | None) -> Iterator[tuple[Vocabulary, Path]]:
    for vocabulary in vocabularies.VOCABULARIES:
        if names and vocabulary.name not in names:
            continue
        if vocabulary.source != "llama.cpp":
            source = BUILD / vocabulary.source
        elif tree is None:
            print(f"{vocabulary.name:16} left out: --llama-cpp names no sources")
            continue
        else:
            source = tree / "models" / f"ggml-vocab-{vocabulary.name}.gguf"
        if source.exists():
            yield vocabulary, source
        else:
            print(f"{vocabulary.name:16} left out: {source.name} is not there")


def check(vocabulary: Vocabulary, source: Path, count: int, seed: int) -> Result:
    """Convert one vocabulary and compare."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        folder = scratch / "model"
        folder.mkdir()
        truth = vocabulary.make(source, folder)
        started = time.process_time()
        keys, tokens = convert(vocabulary, folder, scratch)
        seconds = time.process_time() - started
        found = {key: value for key, _, value in keys}
        model, pre = str(found["tokenizer.ggml.model"]), str(found.get("tokenizer.ggml.pre", ""))
        assert (model, pre) == (vocabulary.model, vocabulary.pre), vocabulary.name
        path = scratch / "tiny.gguf"
        vocab_gguf.write_keys(keys, tokens, path)
        llama = Runtime(path)
        reasons = compare(truth, llama, count, seed)
        cases = own_cases(source, llama)
        llama.close()
    return Result(count, reasons, cases, seconds, model, pre, tokens)


def convert(
    vocabulary: Vocabulary, folder: Path, scratch: Path
) -> tuple[list[tuple[str, str, object]], int]:
    """Return the tokenizer's keys of `quantcli convert --vocab-only`, and the number of tokens."""
    config = json.loads(path.read_text()) if (path := folder / "config.json").exists() else {}
    size = config.get("vocab_size") or _size(folder)
    own = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "rms_norm_eps": 1e-5,
        "max_position_embeddings": 64,
        "tie_word_embeddings": True,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "rope_theta": 10000.0,
        "head_dim": 32,
    }
    write_json(folder, "config.json", {**own, **config, **vocabulary.config, "vocab_size": size})
    square, line = np.ones((32, 32), np.float16), np.ones(32, np.float16)
    tensors = {"model.embed_tokens.weight": np.ones((size, 32), np.float16)}
    tensors |= {"model.norm.weight": line}
    layer = "model.layers.0"
    for part in ("self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o"):
        tensors[f"{layer}.{part}_proj.weight"] = square
    for part in ("mlp.up", "mlp.down", "mlp.gate"):
        tensors[f"{layer}.{part}_proj.weight"] = square
    for part in ("input", "post_attention"):
        tensors[f"{layer}.{part}_layernorm.weight"] = line
    _write_tensors(folder / "model.safetensors", tensors)
    result = quantcli.convert(folder, output=scratch / "vocab.gguf", vocab_only=True)
    entries = GgufFile(Path(result.output)).entries
    keys = [
        (key, entry.type, entry.value)
        for key, entry in entries.items()
        if key.startswith("tokenizer.")
    ]
    return keys, size


def _write_tensors(path: Path, tensors: Mapping[str, np.ndarray[Any, Any]]) -> None:
    header: dict[str, Any] = {}
    at = 0
    for name, value in tensors.items():
        offsets = [at, at + value.nbytes]
        header[name] = {"dtype": "F16", "shape": list(value.shape), "data_offsets": offsets}
        at += value.nbytes
    encoded = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        for value in tensors.values():
            file.write(value.tobytes())


def _size(folder: Path) -> int:
    from quantcli.tokenizer import export

    return export(folder, "auto", rows=None, config={}).size


def compare(truth: Truth, llama: Runtime, count: int, seed: int) -> dict[str, int]:
    """Return the differences by reason."""
    words = list(strings.fragments(STRINGS))
    texts = strings.texts(count, seed=seed, pieces=truth.pieces, added=truth.added, words=words)
    texts = [text for text in texts if not any(token in text for token in truth.skips)]
    different = [text for text in texts if truth.encode(text) != llama.tokenize(text)]
    found: Counter[str] = Counter()
    explainer: Explainer | None = None
    for text in different:
        ids = llama.tokenize(text)
        if other := next((n for n, encode in truth.others.items() if encode(text) == ids), None):
            found[other] += 1
            continue
        if truth.tokenizer is None:
            found[""] += 1
            continue
        explainer = explainer or Explainer(truth.tokenizer, llama.tokenize)
        why = " and ".join(explainer.why(text))
        found[why] += 1
        if not why and found[why] <= _SHOWN:
            print(f"    {text!a}\n    {truth.encode(text)}\n    {llama.tokenize(text)}")
    return dict(found.most_common())


def own_cases(source: Path, llama: Runtime) -> tuple[int, int] | None:
    """Return how many of llama.cpp's cases beside a vocabulary pass, of how many."""
    given, expected = (source.with_name(f"{source.name}.{end}") for end in ("inp", "out"))
    if not given.exists():
        return None
    texts = given.read_text("utf-8").split(_MARK)
    lines = expected.read_text("utf-8").split("\n")
    pairs = list(zip(texts, lines, strict=False))
    passed = sum(llama.tokenize(text) == [int(i) for i in line.split()] for text, line in pairs)
    return passed, len(pairs)


def _line(result: Result) -> str:
    cases = "" if result.cases is None else f", {result.cases[0]}/{result.cases[1]} own cases"
    reasons = ", ".join(
        f"{count} {name or 'UNEXPLAINED'}" for name, count in result.reasons.items()
    )
    return (
        f"{result.model}/{result.pre or '-'} {result.tokens} tokens, {result.seconds:.1f} s{cases}"
        f"; {result.texts} texts, {reasons or 'no difference'}"
    )


def _record(vocabulary: Vocabulary, result: Result) -> dict[str, Any]:
    return {
        "source": vocabulary.source,
        "model": result.model,
        "pre": result.pre,
        "tokens": result.tokens,
        "cases": result.cases,
        "reasons": result.reasons,
    }
