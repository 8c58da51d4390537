"""Every type equals what llama_model_quantize chose (scripts/freeze_llama_quantize.py)."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from gguf import LlamaFileType

from quantcli import codec, recipe
from quantcli.arch.architecture import TensorSpec, Traits

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures" / "llama_quantize").glob("*.json"))
# The presets that llama_model_quantize has too, by their file types; plain ones have no mixture.
PRESETS = tuple(
    name
    for name in recipe.names()
    if recipe.resolve(name).mixture
    and recipe.resolve(name).file_type in {*map(int, LlamaFileType)} - {int(LlamaFileType.GUESSED)}
)
FROZEN: dict[Path, dict[str, list[str | None]]] = {
    path: json.loads(path.read_text(encoding="utf-8"))["types"] for path in FIXTURES
}
EACH = pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
# What llama-quantize itself does not make: its converter does, from checkpoints of that type.
NOT_MADE = {"NVFP4"}


def load(path: Path) -> tuple[Traits, list[TensorSpec]]:
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    specs = [
        TensorSpec(name, "", None, tuple(shape), "identity", (), (name,))
        for name, *shape in record["tensors"]
    ]
    return Traits(**record["traits"]), specs


def chosen(path: Path, preset: str, *, importance: bool) -> list[str] | None:
    """Return the types that llama-quantize gave, None where it refused."""
    record = json.loads(path.read_text(encoding="utf-8"))
    letters = record["types"][preset][importance]
    if letters is None:
        return None
    return [record["legend"][string.ascii_letters.index(letter)] for letter in letters]


def test_the_fixtures_are_there() -> None:
    assert set(PRESETS) >= {"Q4_0", "Q8_0", "Q4_K_S", "Q4_K_M", "Q5_K_M", "Q6_K"}
    assert {path.stem for path in FIXTURES} >= {"smollm2", "smollm2_768", "all_minilm"}
    assert len(FIXTURES) == 14


def test_every_preset_of_llama_cpp_is_frozen() -> None:
    missing = {
        preset: [path.stem for path, types in FROZEN.items() if preset not in types]
        for preset in PRESETS
    }
    lines = [
        f"{preset} has general.file_type {recipe.resolve(preset).file_type}, which is llama.cpp's, "
        f"but nobody has frozen what llama_model_quantize chooses for {', '.join(models)}"
        for preset, models in missing.items()
        if models
    ]
    assert not lines, "\n".join(
        [*lines, "run python scripts/freeze_llama_quantize.py (it says what it needs)"]
    )


@EACH
@pytest.mark.parametrize("importance", [False, True], ids=["without", "with importance"])
def test_types_are_those_of_llama_quantize(path: Path, importance: bool) -> None:
    traits, specs = load(path)
    dtypes = dict.fromkeys((spec.name for spec in specs), "BF16")
    wrong = []
    for preset in PRESETS:
        wanted = chosen(path, preset, importance=importance)
        kind = recipe.resolve(preset)
        assigned = recipe.assign(kind, traits, specs, dtypes, importance=importance)
        refused = bool(recipe.starving(kind, specs, assigned)) and not importance
        if wanted is None:
            # Where a row does not fit Q1_0's block it has no other type; here it is F16.
            misfit = preset == "Q1_0" and any(got.fallback for got in assigned)
            if not refused and not misfit and preset not in NOT_MADE:
                wrong.append(f"{preset}: llama-quantize refuses")
            continue
        if refused:
            wrong.append(f"{preset}: llama-quantize does not refuse")
        wrong += [
            f"{preset} {spec.name}: {got.type}, llama-quantize {want}"
            for spec, got, want in zip(specs, assigned, wanted, strict=True)
            if got.type != want
        ]
    assert wrong == []


@EACH
def test_every_misfit_is_explained_and_nothing_else(path: Path) -> None:
    traits, specs = load(path)
    for preset in PRESETS:
        default = codec.get(recipe.resolve(preset).type)
        assigned = recipe.assign(recipe.resolve(preset), traits, specs, {})
        for spec, got in zip(specs, assigned, strict=True):
            if got.fallback:
                assert got.fallback.startswith(f"rows of {spec.shape[-1]} are no multiple of ")
                assert got.wanted not in {None, got.type}
            elif got.type not in ("F32", "F16"):
                assert spec.shape[-1] % codec.get(got.type).block == 0
            if got.type in ("F32", "F16") or preset in NOT_MADE:
                continue
            if spec.shape[-1] % default.block:
                assert got.fallback


def test_the_order_of_the_tensors_does_not_matter() -> None:
    traits, specs = load(FIXTURES[0].with_stem("smollm2_768"))
    preset = recipe.resolve("Q4_K_M")
    forward = recipe.assign(preset, traits, specs)
    backward = recipe.assign(preset, traits, specs[::-1])
    assert forward == backward[::-1]
