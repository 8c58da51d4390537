"""Saved plans are input from strangers."""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from quantcli.app.convert import convert
from quantcli.app.plan import load_plan, plan
from quantcli.errors import PlanError
from quantcli.planning import saved
from quantcli.planning.plan import Plan

MakeTiny = Callable[..., Path]
Record = dict[str, Any]


def save(record: Record, folder: Path) -> Path:
    file = folder / "plan.json"
    file.write_text(json.dumps(record))
    return file


@pytest.fixture
def model(make_tiny: MakeTiny) -> Path:
    return make_tiny("llama")


@pytest.fixture
def record(model: Path) -> Record:
    loaded: Record = json.loads(plan(model, "Q4_K_M").to_json())
    return loaded


def carry_out(record: Record, model: Path, folder: Path) -> Path:
    output = folder / "out.gguf"
    convert(model, output=output, plan=load_plan(save(record, folder)), jobs=1)
    return output


def test_a_saved_plan_gives_the_bytes_of_a_direct_conversion(
    record: Record, model: Path, tmp_path: Path
) -> None:
    direct = tmp_path / "direct.gguf"
    convert(model, "Q4_K_M", direct, jobs=1)
    assert carry_out(record, model, tmp_path).read_bytes() == direct.read_bytes()


OUTSIDE = ["../secret.safetensors", "/etc/hostname", "a/../../b", "C:\\b", "..\\b", "", "a\0b"]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_file_outside_the_model_s_folder(record: Record, tmp_path: Path, path: str) -> None:
    named = copy.deepcopy(record)
    named["steps"][1]["sources"][0]["file"] = path
    with pytest.raises(PlanError, match="not inside the model's folder"):
        load_plan(save(named, tmp_path))
    record["files"][0]["path"] = path
    with pytest.raises(PlanError, match="not inside the model's folder"):
        load_plan(save(record, tmp_path))


def test_a_link_beside_the_model_is_no_way_out(record: Record, model: Path, tmp_path: Path) -> None:
    """A file that the checkpoint's own headers do not name is not read, wherever it lies."""
    shutil.copy(model / "model.safetensors", model / "other.safetensors")
    for step in record["steps"]:
        for ref in step["sources"]:
            ref["file"] = "other.safetensors"
    size = (model / "other.safetensors").stat().st_size
    record["files"].append({"path": "other.safetensors", "size": size})
    with pytest.raises(PlanError, match="another checkpoint"):
        carry_out(record, model, tmp_path)


def test_a_changed_checkpoint_and_another_version_are_told(
    record: Record, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("quantcli.planning.saved.__version__", "99")
        with pytest.raises(PlanError, match=r"made by version .* this is 99"):
            carry_out(record, model, tmp_path)
    config = model / "config.json"
    config.write_text(config.read_text().replace("128", "129", 1) + " ")
    with pytest.raises(PlanError, match="another checkpoint, or the checkpoint's files"):
        carry_out(record, model, tmp_path)


CONTRADICTIONS: dict[str, tuple[tuple[str | int, ...], object, str]] = {
    "offset": (("steps", 3, "offset"), 64, "header's tensors are not the steps"),
    "size": (("size",), 2**40, "the file 1099511627776 bytes"),
    "type": (("steps", 3, "type"), "Q5_K", "bytes|takes|multiple"),
    "unknown type": (("steps", 3, "type"), "Q9_Z", "unknown tensor type"),
    "operation": (("steps", 3, "op"), "os.system", "unknown transform"),
    "huge shape": (("steps", 3, "shape"), [2**62, 2**62], "not a possible shape"),
    "empty shape": (("steps", 3, "shape"), [], "not a possible shape"),
    "boolean": (("steps", 3, "offset"), True, "offset is not as a plan has it"),
    "negative": (("steps", 3, "nbytes"), -1, "nbytes is not as a plan has it"),
    "infinite": (("steps", 3, "args"), [float("inf")], "args is not as a plan has it"),
    "unknown field": (("extra",), 1, "not an object with the fields"),
    "header": (("header",), "AAAA", "header: 4 bytes are needed"),
    "no base64": (("header",), "A?", "not base64"),
    "effort": (("effort",), "heroic", "quantcli.effort"),
    "preset": (("preset",), "Q8_0", "quantcli.preset"),
    "dtype": (("steps", 3, "sources", 0, "dtype"), "F4096", "unknown dtype"),
    "beyond": (("steps", 3, "sources", 0, "offset"), 2**40, "ends beyond"),
}


def put(record: Record, place: tuple[str | int, ...], value: object) -> None:
    inner: Any = record
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_plan_that_contradicts_itself_is_refused(
    record: Record, tmp_path: Path, name: str
) -> None:
    place, value, words = CONTRADICTIONS[name]
    put(record, place, value)
    with pytest.raises(PlanError, match=words) as caught:
        load_plan(save(record, tmp_path))
    assert caught.value.where == str(tmp_path / "plan.json")
    assert len(str(caught.value).splitlines()) < 25


def test_another_transform_than_the_model_s_is_refused(
    record: Record, model: Path, tmp_path: Path
) -> None:
    """It would fit by its shape: only the architecture's table knows that rows must move."""
    for step in record["steps"]:
        if step["op"] == "rope_permute":
            step["op"], step["args"] = "identity", []
    with pytest.raises(PlanError, match="transform are not those of the model"):
        carry_out(record, model, tmp_path)


def test_every_field_of_a_plan_has_a_type() -> None:
    for kind, schema in saved._SCHEMA.items():
        assert [field.name for field in fields(kind)] == list(schema)


def leaves(value: object, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*place, index))
    else:
        yield place


# What a plan may say freely: words for people, which no byte of the output depends on.
FREE = {"notes", "fallback", "wanted", "role", "layer"}
JUNK = [
    None,
    True,
    -1,
    0,
    1,
    7,
    2**31,
    2**63,
    2**70,
    0.5,
    float("nan"),
    "",
    "Q4_K",
    "../x",
    "\0",
    [],
    {},
]


def test_no_mutation_changes_what_is_read_or_written(
    record: Record, model: Path, tmp_path: Path
) -> None:
    """Every plan that is accepted after a mutation has the bytes and sources of the original."""
    chance = random.Random(8)
    places = [place for place in leaves(record) if not FREE & set(place)]
    accepted = 0
    for _ in range(1500):
        mutant = copy.deepcopy(record)
        for _ in range(chance.choice((1, 1, 1, 2))):
            put(mutant, chance.choice(places), chance.choice(JUNK))
        if mutant == record:
            continue
        try:
            made: Plan = load_plan(save(mutant, tmp_path))
        except PlanError as error:
            assert len(str(error)) < 4000  # noqa: PT017 - a bound on every message, any will do
            continue
        accepted += 1
        with pytest.raises(PlanError):
            convert(model, output=tmp_path / "out.gguf", plan=made, jobs=1)
        assert not (tmp_path / "out.gguf").exists()
    assert accepted < 150
