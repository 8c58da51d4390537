"""A model of every tensor type in llama.cpp, beside the same bytes decoded by quantcli to F32."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tiny
from llamacpp import LlamaCpp
from safetensors.numpy import load_file

import quantcli
import quantcli.app.convert as converting
from quantcli import codec
from quantcli.app import plan as planning
from quantcli.container.reader import GgufFile
from quantcli.planning import build as building
from quantcli.recipe import Recipe, Rule
from quantcli.recipe.rules import EMBEDDING

F32 = npt.NDArray[np.float32]

PROMPTS = ("the thin red line", "and on", "12 apples in the rain, then another", "é", "a")
# llama.cpp rounds the activations, too, before it multiplies them with a quantized matrix: to 8
# bits, one scale for 32 or 256 of them. That is 0.5 to 0.7 % of each product, whatever the type of
# the matrix, and nearly all that is seen here: 0.85 % at most.
TOLERANCE = 1e-2
# Where a matrix is only looked up, as the embedding is, nothing is rounded. A compiler that fuses
# products and sums may still change the last bit of a value.
LOOKUP_TOLERANCE = 1e-6
# Of the types beyond this error on a Gaussian, logits show the difference to the original weights.
COARSE = 0.02


@dataclass(frozen=True)
class Original:
    """A checkpoint, its F32 file, and the logits that llama.cpp gives for that, by prompt."""

    model: Path
    file: Path
    logits: F32


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    """A model whose matrices take every type.

    Its embedding is large beside what the layers add to it, so that what rounding the activations
    does in one layer is not multiplied by the next.
    """
    folder = tmp_path_factory.mktemp("original")
    model = tiny.write_tiny("mistral", folder / "m", size=tiny.WIDE)  # untied
    tensors = load_file(model / "model.safetensors")
    tensors["model.embed_tokens.weight"] *= 60
    tiny.write_tensors(model, tensors)
    quantcli.convert(model, "F32", folder / "f32.gguf", jobs=1)
    return Original(model, folder / "f32.gguf", logits(folder / "f32.gguf"))


def logits(path: Path) -> F32:
    """Logits after each prompt, (prompts, vocabulary)."""
    rows = GgufFile(path).tensors["token_embd.weight"].rows
    loaded = LlamaCpp(path, threads=1)
    return np.array([loaded.logits(prompt, rows) for prompt in PROMPTS], np.float32)


def convert(model: Path, recipe: Recipe, output: Path, patch: pytest.MonkeyPatch) -> Path:
    """Convert with a recipe that is no preset."""
    for module in (planning, converting):  # one plans with it, one names the output by it
        patch.setattr(module, "resolve", lambda _: recipe)
    # Types that make no sense without an importance matrix are to be decoded all the same.
    patch.setattr(building, "starving", lambda *_: ())
    quantcli.convert(model, recipe.name, output, jobs=1)
    return output


def decoded(path: Path, plain: Path, output: Path) -> Path:
    """Write the F32 file `plain` with the tensors of the file `path`, decoded, in their places."""
    shutil.copy(plain, output)
    typed, places = GgufFile(path).tensors, GgufFile(plain).tensors
    assert set(typed) == set(places)
    data = path.read_bytes()
    with output.open("r+b") as file:
        for name, tensor in typed.items():
            packed = np.frombuffer(data, np.uint8, tensor.nbytes, tensor.offset)
            values = codec.get(tensor.type.name).decode_rows(packed.reshape(tensor.rows, -1))
            assert values.nbytes == places[name].nbytes
            file.seek(places[name].offset)
            file.write(values.tobytes())
    return output


def apart(a: F32, b: F32) -> float:
    """Distance of two sets of logits, relative to the second."""
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


@pytest.mark.parametrize("name", codec.names())
def test_logits_are_those_of_our_decoding(
    original: Original, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    recipe = Recipe(name, file_type=0, type=name, mixture=False)
    path = convert(original.model, recipe, tmp_path / "typed.gguf", monkeypatch)
    types = {t.type.name for t in GgufFile(path).tensors.values() if len(t.shape) > 1}
    assert types == {name}
    found = logits(path)
    ours = logits(decoded(path, original.file, tmp_path / "decoded.gguf"))
    assert apart(found, ours) <= TOLERANCE
    if quantization_error(name) > COARSE:
        assert apart(found, original.logits) > 2 * TOLERANCE


@pytest.mark.parametrize("name", codec.names())
def test_an_embedding_is_looked_up_as_we_decode_it(
    original: Original, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    recipe = Recipe(name, file_type=0, type="F32", rules=(Rule(name, (EMBEDDING,)),))
    path = convert(original.model, recipe, tmp_path / "typed.gguf", monkeypatch)
    assert GgufFile(path).tensors["token_embd.weight"].type.name == name
    ours = logits(decoded(path, original.file, tmp_path / "decoded.gguf"))
    assert apart(logits(path), ours) <= LOOKUP_TOLERANCE


def quantization_error(name: str) -> float:
    """Relative error of the type on a small Gaussian."""
    x = np.random.default_rng(3).standard_normal((4, 256), np.float32)
    return apart(quantcli.dequantize(quantcli.quantize(x, name), name, x.shape), x)
