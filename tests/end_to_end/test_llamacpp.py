"""Files load in a real llama.cpp, which then answers, embeds and tokenizes as the original does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from llamacpp import LlamaCpp

import quantcli
from quantcli.recipe import names

STRINGS = Path(__file__).parents[1] / "data" / "mixed_strings.json"


@pytest.fixture(scope="module")
def strings() -> list[str]:
    return [text for text in json.loads(STRINGS.read_text("utf-8")) if text]


def assert_tokenizes_alike(model: Path, loaded: LlamaCpp, strings: list[str]) -> None:
    reference = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
    reference.no_padding()
    reference.no_truncation()
    assert len(strings) >= 190
    for text in strings:
        expected = reference.encode(text, add_special_tokens=False).ids
        assert loaded.tokenize(text) == expected, text


@pytest.mark.parametrize("name", ["llama", "llama_untied_biases", "qwen2", "qwen3", "gpt2"])
def test_every_decoder_loads_and_generates(
    make_tiny: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    output = tmp_path / "out.gguf"
    quantcli.convert(make_tiny(name), "Q4_K_M", output)
    assert isinstance(LlamaCpp(output).generate("a b c", 4), str)


@pytest.mark.parametrize("preset", names())
def test_every_preset_loads(make_tiny: Callable[..., Path], tmp_path: Path, preset: str) -> None:
    output = tmp_path / "out.gguf"
    quantcli.convert(make_tiny("llama"), preset, output)
    assert isinstance(LlamaCpp(output).generate("a b c", 4), str)


def test_a_real_model_answers_and_tokenizes_as_the_original(
    smollm2_768: Path, tmp_path: Path, strings: list[str]
) -> None:
    output = tmp_path / "out.gguf"
    quantcli.convert(smollm2_768, "Q4_K_M", output)
    assert quantcli.verify(output, against=smollm2_768).passed
    loaded = LlamaCpp(output)
    assert_tokenizes_alike(smollm2_768, loaded, strings)
    counted = loaded.generate("one, two, three, four, five, six, seven,", 6)
    assert counted.strip().startswith("eight")
    assert "nine" in counted


def test_a_real_encoder_embeds_and_tokenizes_as_the_original(
    minilm: Path, tmp_path: Path, strings: list[str]
) -> None:
    embeddings = {}
    for preset in ("F32", "Q8_0"):
        output = tmp_path / f"{preset}.gguf"
        quantcli.convert(minilm, preset, output)
        loaded = LlamaCpp(output, embedding=True)
        embeddings[preset] = np.array(loaded.embed(strings[:20]))
    assert_tokenizes_alike(minilm, loaded, strings)
    exact, quantized = embeddings["F32"], embeddings["Q8_0"]
    norms = np.linalg.norm(exact, axis=1) * np.linalg.norm(quantized, axis=1)
    assert ((exact * quantized).sum(axis=1) / norms).min() >= 0.99
