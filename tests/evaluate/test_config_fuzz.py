"""The first cases of bench/config_fuzz.py find nothing, and the fuzz notices what is wrong."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import config_fuzz
import pytest
from broken_gguf import BROKEN, make
from fuzz_bases import BASES, write_base
from mutations import mutate

import quantcli
from quantcli.errors import UsageError

# `make fuzz-config` takes 1200.
CASES = 200


def test_no_mutation_gives_a_file_that_verify_passes_and_llamacpp_does_not_run(
    tmp_path: Path,
) -> None:
    cases = list(config_fuzz.run(range(CASES), 1, tmp_path))
    found = [
        case.line() for case in cases if case.ending in {config_fuzz.REFUSED, config_fuzz.RAISED}
    ]
    assert found == []
    # Neither everything is refused nor everything taken.
    endings = {case.ending for case in cases}
    assert {config_fuzz.REJECTED, config_fuzz.RAN} <= endings
    assert sum(case.accepted for case in cases) > CASES / 4
    assert {case.base for case in cases} == set(BASES)


@pytest.mark.parametrize("base", BASES)
def test_every_base_runs_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    monkeypatch.setattr(config_fuzz, "BASES", {base: BASES[base]})
    monkeypatch.setattr(config_fuzz, "mutate", lambda model, draw: [])
    (case,) = config_fuzz.run(range(1), 1, tmp_path)
    assert (case.ending, case.base) == (config_fuzz.RAN, base), case.line()


def _case(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, convert: object) -> config_fuzz.Case:
    monkeypatch.setattr(quantcli, "convert", convert)
    (case,) = config_fuzz.run(range(1), 1, tmp_path / "fuzz")
    return case


@pytest.mark.parametrize("row", ["no output_norm.weight", "no blocks"])
def test_a_file_that_llamacpp_does_not_take_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str
) -> None:
    (tmp_path / "fuzz").mkdir()
    broken = make(BROKEN[row].base, BROKEN[row].change, tmp_path)

    def convert(model: Path, preset: str, output: Path, **options: object) -> None:
        shutil.copy(broken, output)

    passed = quantcli.verify(broken)
    # Verify knows it; the fuzz counts that as no finding.
    monkeypatch.setattr(config_fuzz.quantcli, "verify", lambda *_, **__: passed)
    assert _case(monkeypatch, tmp_path, convert).ending == config_fuzz.FAILED
    blind = type(passed)(passed.path, None, None, passed.size, (), (), ())
    monkeypatch.setattr(config_fuzz.quantcli, "verify", lambda *_, **__: blind)
    assert _case(monkeypatch, tmp_path, convert).ending == config_fuzz.REFUSED


def test_an_error_that_is_none_of_ours_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert(*_: object, **__: object) -> None:
        raise KeyError("hidden_size")

    case = _case(monkeypatch, tmp_path, convert)
    assert case.ending == config_fuzz.RAISED
    assert "KeyError: 'hidden_size'" in case.text

    def refuse(*_: object, **__: object) -> None:
        raise UsageError("no")

    assert _case(monkeypatch, tmp_path, refuse).ending == config_fuzz.REJECTED


def test_a_case_depends_on_its_seed_and_number_alone(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        folder = write_base("bert", tmp_path / name)
        done = mutate(folder, random.Random("1:7"))
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        texts.append((done, [path.read_bytes() for path in files]))
    assert texts[0] == texts[1]
