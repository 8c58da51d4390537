"""Every frozen checkpoint made again and converted: the bytes that the witnesses confirmed."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

import quantcli
from conformance import case, checkpoint, frozen, run
from conformance.case import Case
from quantcli.container.reader import GgufFile

TYPES = ("F32", "BF16")
CASES = {f"{arch}/{one.name}": (arch, one) for arch, cases in case.load().items() for one in cases}
FIXTURES = {path.stem: frozen.read(path) for path in sorted(frozen.FOLDER.glob("*.json"))}
AGAIN = "run `python scripts/conformance.py freeze {}` where torch and transformers are installed"


def recorded(arch: str, one: Case) -> dict[str, Any]:
    """The case's record, which must be of the case as it is."""
    found: dict[str, Any] | None = FIXTURES.get(arch, {"cases": {}})["cases"].get(one.name)
    if found is None:
        pytest.fail(f"nobody has frozen the case {arch}/{one.name}: {AGAIN.format(arch)}")
    if found["case"] != frozen.case_digest(one):
        pytest.fail(f"the case {arch}/{one.name} has changed since: {AGAIN.format(arch)}")
    return found


def contents(path: Path) -> frozen.Contents:
    file = GgufFile(path)
    arch = file.entries["general.architecture"].value
    keys = {
        key: (entry.type, list(entry.value) if isinstance(entry.value, tuple) else entry.value)
        for key, entry in file.entries.items()
        if key.startswith(f"{arch}.") or key == "general.architecture"
    }
    data = path.read_bytes()
    tensors = {
        t.name: (t.type.name, t.shape, data[t.offset : t.offset + t.nbytes])
        for t in file.tensors.values()
    }
    return tensors, keys


@pytest.mark.parametrize("name", CASES)
def test_what_was_confirmed_is_what_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Hundreds of files, none of which must survive a power cut.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    arch, one = CASES[name]
    record = recorded(arch, one)
    made = frozen.made(one, record)
    checkpoint.write(one, made, tmp_path / "model")
    if one.refused:
        with pytest.raises(quantcli.QuantcliError, match=one.refused):
            quantcli.plan(tmp_path / "model", "F32")
        return
    files = {kind: tmp_path / f"{kind}.gguf" for kind in TYPES}
    for kind, path in files.items():
        done = quantcli.convert(tmp_path / "model", kind, path, jobs=1, **one.convert)
    assert not one.noted or any(re.search(one.noted, note) for note in done.notes)
    got = frozen.outcome({kind: contents(path) for kind, path in files.items()})
    assert frozen.different(record, got) == []
    assert run.stated(one, made, files["F32"]) == []


def test_every_fixture_has_its_case() -> None:
    frozen_names = {f"{arch}/{name}" for arch, f in FIXTURES.items() for name in f["cases"]}
    assert frozen_names
    assert frozen_names - set(CASES) == set(), "fixtures of cases that are gone: freeze again"


def test_another_byte_is_found() -> None:
    """The comparison above can fail, and says where."""
    tensors = {"blk.0.a": ("F32", (2, 2), b"1234"), "blk.1.a": ("F32", (2, 2), b"5678")}
    changed = {**tensors, "blk.1.a": ("F32", (2, 2), b"5679")}
    keys = {"x.n": ("uint32", 2)}
    wanted, got = (frozen.outcome({"F32": (t, keys)}) for t in (tensors, changed))
    assert frozen.different(wanted, got) == ["F32: other bytes in blk.1.a"]
    got = frozen.outcome({"F32": (tensors, {"x.n": ("uint32", 3)})})
    assert frozen.different(wanted, got) == ["x.n: ['uint32', 3], not ['uint32', 2]"]


@pytest.mark.parametrize(
    "names",
    [
        ["a.0.b", "a.1.b", "a.3.b", "c"],
        ["l.0.e.0.w", "l.0.e.1.w", "l.1.e.0.w", "l.1.e.1.w"],
        ["l.0.e.0.w", "l.0.e.1.w", "l.1.e.0.w"],
        ["l.2.e.7.w"],
    ],
)
def test_names_are_grouped_without_loss(names: list[str]) -> None:
    values = {name: [i % 2] for i, name in enumerate(names)}
    assert frozen.ungrouped(frozen.grouped(values)) == dict(sorted(values.items()))
