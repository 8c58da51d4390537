"""Every type equals what llama_model_quantize chose (scripts/freeze_llama_quantize.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from quantcli import codec, recipe
from quantcli.arch.architecture import TensorSpec, Traits

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures" / "llama_quantize").glob("*.json"))
PRESETS = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K")


def load(path: Path) -> tuple[Traits, list[TensorSpec], dict[str, list[str]]]:
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    specs = [
        TensorSpec(name, "", None, tuple(shape), "identity", (), (name,))
        for name, *shape in record["tensors"]
    ]
    return Traits(**record["traits"]), specs, record["types"]


def test_the_fixtures_are_there() -> None:
    assert {path.stem for path in FIXTURES} >= {"smollm2", "smollm2_768", "all_minilm"}
    assert len(FIXTURES) == 14


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_types_are_those_of_llama_quantize(path: Path, preset: str) -> None:
    traits, specs, types = load(path)
    dtypes = dict.fromkeys((spec.name for spec in specs), "BF16")
    assigned = recipe.assign(recipe.resolve(preset), traits, specs, dtypes)
    wrong = [
        f"{spec.name}: {got.type}, llama-quantize {expected}"
        for spec, got, expected in zip(specs, assigned, types[preset], strict=True)
        if got.type != expected
    ]
    assert wrong == []


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_every_misfit_is_explained_and_nothing_else(path: Path) -> None:
    traits, specs, _ = load(path)
    for preset in PRESETS:
        default = codec.get(recipe.resolve(preset).type)
        assigned = recipe.assign(recipe.resolve(preset), traits, specs, {})
        for spec, got in zip(specs, assigned, strict=True):
            if got.fallback:
                assert got.fallback.startswith(f"rows of {spec.shape[-1]} are no multiple of ")
                assert got.wanted not in {None, got.type}
            elif got.type not in ("F32", "F16"):
                assert spec.shape[-1] % codec.get(got.type).block == 0
            if got.type not in ("F32", "F16") and spec.shape[-1] % default.block:
                assert got.fallback


def test_the_order_of_the_tensors_does_not_matter() -> None:
    traits, specs, _ = load(FIXTURES[0].with_stem("smollm2_768"))
    preset = recipe.resolve("Q4_K_M")
    forward = recipe.assign(preset, traits, specs)
    backward = recipe.assign(preset, traits, specs[::-1])
    assert forward == backward[::-1]
