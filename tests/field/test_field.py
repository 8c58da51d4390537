"""Folders as people have them come out right, or are refused by a message that says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from field.case import KINDS, Case, Refused, Right
from field.cases import CASES, recorded
from field.checks import FIXTURES, keys, record, wrongs
from field.folders import llama_bpe

import quantcli

RIGHT = [case for case in CASES.values() if isinstance(case.expect, Right)]
REFUSED = [case for case in CASES.values() if isinstance(case.expect, Refused)]


HUB = [
    ("models--acme--Tiny-Chat-v2", "Tiny-Chat-v2", "Tiny Chat v2"),
    ("models--tiny-model", "tiny-model", "Tiny Model"),
    ("models--Org.Name--B.2_c", "B.2_c", "B.2_c"),
]


def named(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", RIGHT, ids=named)
def test_comes_out_right(case: Case, tmp_path: Path) -> None:
    model, output = case.make().write(tmp_path / "model"), tmp_path / "out.gguf"
    done = quantcli.convert(model, "F32", output, jobs=1)
    assert list(wrongs(case, model, output, done)) == []


@pytest.mark.parametrize("case", REFUSED, ids=named)
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


# ----------------------------------------------------------------------- 21, 30: names and paths
def _cached(root: Path, repository: str) -> Path:
    """A snapshot in a cache of the hub: links into a folder of blobs."""
    source = llama_bpe().write(root / "source")
    cache = root / "hub" / repository
    snapshot, blobs = cache / "snapshots" / ("ab" * 20), cache / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for number, file in enumerate(sorted(source.iterdir())):
        file.rename(blobs / f"{number:064x}")
        (snapshot / file.name).symlink_to(Path("../../blobs") / f"{number:064x}")
    return snapshot


@pytest.mark.parametrize("repository,model,name", HUB)
def test_21_a_snapshot_is_called_what_its_repository_is(
    repository: str, model: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = _cached(tmp_path, repository)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    done = quantcli.convert(snapshot, "F32", jobs=1)
    assert Path(done.output).name == f"{model}-F32.gguf"
    assert keys(Path(done.output))["general.name"] == name


def test_21_a_link_to_a_snapshot_is_the_same_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = _cached(tmp_path, "models--acme--Tiny-Chat-v2")
    (tmp_path / "Tiny-Chat-v2").symlink_to(snapshot)
    monkeypatch.chdir(tmp_path)
    done = quantcli.convert(tmp_path / "Tiny-Chat-v2", "F32", jobs=1)
    assert Path(done.output).name == "Tiny-Chat-v2-F32.gguf"
    assert keys(Path(done.output))["general.name"] == "Tiny Chat v2"


PLACES = ["my mödel", "two  spaces", "per%20cent [1]"]


@pytest.mark.parametrize("place", PLACES)
def test_30_a_read_only_folder_of_any_name(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = llama_bpe().write(tmp_path / place)
    for file in model.iterdir():
        file.chmod(0o444)
    model.chmod(0o555)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    try:
        done = quantcli.convert(f"{model}/", "F32", jobs=1)
        assert quantcli.verify(done.output, against=model, jobs=1).passed
        assert Path(done.output).resolve().parent == (tmp_path / "elsewhere").resolve()
        assert place in Path(done.output).name
    finally:
        model.chmod(0o755)


def test_30_an_output_in_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    output = tmp_path / "not" / "there yet" / "out.gguf"
    quantcli.convert(llama_bpe().write(tmp_path / "model"), "F32", output, jobs=1)
    assert keys(output)["general.architecture"] == "llama"


# ------------------------------------------------------------- 31: no folder, or another request
def refusal(model: Path | str, preset: str = "F32") -> str:
    with pytest.raises(quantcli.QuantcliError) as caught:
        quantcli.convert(model, preset, "out.gguf", jobs=1)
    assert len(str(caught.value).splitlines()) <= 4
    return str(caught.value)


@pytest.mark.parametrize("repository", ["acme/Tiny-Chat-v2", "Org_1/b.c-d"])
def test_31_a_hub_id_gets_its_download_line(
    repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    message = refusal(repository)
    assert f"download {repository}" in message


def test_31_a_gguf_file_is_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    quantcli.convert(llama_bpe().write(tmp_path / "model"), "Q8_0", "made.gguf", jobs=1)
    assert "gguf" in refusal(tmp_path / "made.gguf").lower().replace("made.gguf", "")


def test_31_a_preset_that_nobody_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = refusal(llama_bpe().write(tmp_path / "model"), "IQ4_XXS")
    assert "IQ4_XS" in message


def test_31_inspect_tells_what_a_folder_is(tmp_path: Path) -> None:
    inspection = quantcli.inspect(llama_bpe().write(tmp_path / "model"))
    assert "llama" in inspection.to_json()


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
