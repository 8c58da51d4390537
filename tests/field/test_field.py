"""Folders as people have them come out right, or are refused by a message that says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from field.case import KINDS, Case, Refused, Right
from field.cases import CASES, recorded
from field.checks import FIXTURES, record, wrongs

import quantcli

RIGHT = [case for case in CASES.values() if isinstance(case.expect, Right)]
REFUSED = [case for case in CASES.values() if isinstance(case.expect, Refused)]


def name(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", RIGHT, ids=name)
def test_comes_out_right(case: Case, tmp_path: Path) -> None:
    model, output = case.make().write(tmp_path / "model"), tmp_path / "out.gguf"
    done = quantcli.convert(model, "F32", output, jobs=1)
    assert list(wrongs(case, model, output, done)) == []


@pytest.mark.parametrize("case", REFUSED, ids=name)
def test_is_refused(case: Case, tmp_path: Path) -> None:
    expect = case.expect
    assert isinstance(expect, Refused)
    model, output = case.make().write(tmp_path / "model"), tmp_path / "out.gguf"
    with pytest.raises(quantcli.QuantcliError) as caught:
        quantcli.convert(model, "F32", output, jobs=1)
    message = str(caught.value)
    assert [word for word in expect.words if word.lower() not in message.lower()] == [], message
    assert expect.error in {kind.__name__ for kind in type(caught.value).__mro__}
    assert caught.value.exit_code == expect.exit_code
    assert len(message.splitlines()) <= expect.lines, message
    assert not output.exists()


# ---------------------------------------------------------------------------------- the suite
def test_every_kind_has_several_members() -> None:
    count = dict.fromkeys(KINDS, 0)
    for case in CASES.values():
        count[case.kind] += 1
    # Names and paths are in functions of their own, below.
    assert [kind for kind, number in count.items() if number < 3 and kind not in {"21", "30"}] == []


def test_the_frozen_records_are_those_of_the_cases() -> None:
    assert {path.stem for path in FIXTURES.glob("*.json")} == set(recorded())
    assert {record(name)["transformers"] for name in recorded()} == {"5.24.0"}
