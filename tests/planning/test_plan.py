from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import gguf
import pytest

from quantcli.app.plan import load_plan, plan
from quantcli.errors import PlanError, QuantcliError, UsageError
from quantcli.planning.plan import Plan

MakeTiny = Callable[..., Path]
MODELS = ["llama", "qwen2", "qwen3", "gpt2", "bert"]


@pytest.mark.parametrize("name", MODELS)
def test_a_plan_survives_its_json(make_tiny: MakeTiny, name: str) -> None:
    made = plan(make_tiny(name), "Q4_K_M")
    again = Plan.from_json(made.to_json())
    assert again == made
    assert again.digest() == made.digest()


def test_the_header_reads_back_in_the_library(make_tiny: MakeTiny, tmp_path: Path) -> None:
    made = plan(make_tiny("llama"), "q4_k_m")
    file = tmp_path / "header.gguf"
    file.write_bytes(made.header.ljust(made.size, b"\0"))
    reader = gguf.GGUFReader(file)
    assert [t.name for t in reader.tensors] == [step.name for step in made.steps]
    assert [t.data_offset for t in reader.tensors] == [step.offset for step in made.steps]
    assert reader.fields["quantcli.preset"].contents() == "Q4_K_M"
    assert reader.fields["general.file_type"].contents() == 15


def test_nothing_of_the_machine_is_in_a_plan(make_tiny: MakeTiny, tmp_path: Path) -> None:
    here = make_tiny("llama")
    there = tmp_path / "elsewhere" / here.name
    shutil.copytree(here, there, copy_function=shutil.copyfile)
    assert plan(here, "Q4_K_M").to_json() == plan(there, "Q4_K_M").to_json()


def test_the_digest_follows_what_matters(make_tiny: MakeTiny) -> None:
    model = make_tiny("llama")
    first = plan(model, "Q4_K_M").digest()
    assert plan(model, "Q5_K_M").digest() != first
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.5}))
    assert plan(model, "Q4_K_M").digest() != first


@pytest.mark.parametrize("spelling", ["int4", "INT4", "q4_k_m", "Q4_K", "Q4_K_M"])
def test_any_spelling_and_alias_of_a_preset(make_tiny: MakeTiny, spelling: str) -> None:
    assert plan(make_tiny("llama"), spelling).preset == "Q4_K_M"


def test_strict_refuses_fallbacks_by_reason(make_tiny: MakeTiny) -> None:
    reason = "rows of 96 are no multiple of 256, so 13 tensors take Q5_0 or Q8_0"
    with pytest.raises(QuantcliError, match=reason):
        plan(make_tiny("llama"), "Q4_K_M", strict=True)


def test_an_unknown_preset_is_wrong_usage(make_tiny: MakeTiny) -> None:
    with pytest.raises(UsageError, match="Q4_K_M"):
        plan(make_tiny("llama"), "Q4_K_X")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 99}', '{"format": 1, "steps": 3}'])
def test_what_is_not_a_plan_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(PlanError, match="plan"):
        load_plan(file)


def test_a_plan_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be read"):
        load_plan(tmp_path / "none.json")
