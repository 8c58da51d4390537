"""Real models to every preset: does llama.cpp load, answer and tokenize as it should?

Converts each given checkpoint to each preset, verifies the file against the checkpoint and loads it
in llama.cpp (wheel xllamacpp, tensor data checked). A causal model then continues a text; an
encoder (`--encoder`) embeds the strings, and the smallest cosine to the embeddings of its F32 file
is shown. Every string of the list is tokenized and compared with Hugging Face `tokenizers`.

    python bench/real_models.py MODEL [MODEL …] [--encoder MODEL …] [--presets Q4_K_M,Q8_0]

Exit status 1 when anything differs, does not load, or a Q8_0 encoder's cosine is below 0.99.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import tokenizers

import quantcli
from quantcli.recipe import names

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from llamacpp import LlamaCpp  # noqa: E402  it lies beside the tests

PROMPT = "The three primary colours are red, yellow and"
COSINE_GOAL = 0.99


def cosine(a: list[list[float]], b: list[list[float]]) -> float:
    """Smallest cosine between rows of `a` and `b`."""
    x, y = np.array(a), np.array(b)
    products = (x * y).sum(axis=1)
    return float((products / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)).min())


def check_tokens(model: Path, loaded: LlamaCpp, strings: list[str]) -> int:
    """Number of `strings` that llama.cpp tokenizes differently from the checkpoint's tokenizer."""
    tokenizer = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return sum(
        loaded.tokenize(text) != tokenizer.encode(text, add_special_tokens=False).ids
        for text in strings
    )


def check(
    model: Path,
    preset: str,
    folder: Path,
    strings: list[str],
    reference: list[list[float]] | None,
    *,
    encoder: bool,
) -> tuple[bool, list[list[float]] | None]:
    """Convert and check one file; return whether all is well, and an encoder's embeddings."""
    output = folder / f"{model.name}-{preset}.gguf"
    done = quantcli.convert(model, preset, output)
    verified = quantcli.verify(output, against=model)
    loaded = LlamaCpp(output, embedding=encoder)
    wrong = check_tokens(model, loaded, strings)
    good = verified.passed and wrong == 0
    text = f"{model.name:32} {preset:8} {done.size:>12,} bytes {done.bits_per_weight:7.3f} bpw  "
    text += f"verified {verified.passed}  tokens differ {wrong}/{len(strings)}  "
    embedded = None
    if encoder:
        embedded = loaded.embed(strings[:50])
        nearest = cosine(embedded, reference or embedded)
        good &= preset != "Q8_0" or nearest >= COSINE_GOAL
        text += f"cosine {nearest:.5f}"
    else:
        answer = loaded.generate(PROMPT, 12)
        good &= bool(answer.strip())
        text += repr(answer)
    print(text, flush=True)
    output.unlink()
    return good, embedded


def main() -> None:
    """Parse the command line and check every pair of model and preset."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", type=Path, nargs="*", metavar="MODEL")
    parser.add_argument("--encoder", type=Path, nargs="*", default=[], metavar="MODEL")
    parser.add_argument("--presets", default=",".join(names()))
    parser.add_argument("--strings", type=Path, default=ROOT / "tests/data/mixed_strings.json")
    args = parser.parse_args()
    strings = [text for text in json.loads(args.strings.read_text("utf-8")) if text]
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        for model in (*args.models, *args.encoder):
            encoder = model in args.encoder
            reference = None
            # F32 comes first: it is what the others' embeddings are compared with.
            for preset in sorted(args.presets.split(","), key=lambda name: name != "F32"):
                fine, embedded = check(
                    model, preset, Path(scratch), strings, reference, encoder=encoder
                )
                good &= fine
                reference = reference or embedded
    sys.exit(not good)


if __name__ == "__main__":
    main()
