"""What outputs are called, and what may be replaced."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import gguf
import pytest

import quantcli
from quantcli.app.outputs import default_name, output_path
from quantcli.errors import OutputError, UsageError

MakeTiny = Callable[..., Path]


@pytest.mark.parametrize(
    "given, path",
    [
        (None, "Model-1.5-Q8_0.gguf"),
        ("out.gguf", "out.gguf"),
        ("new/", "new/Model-1.5-Q8_0.gguf"),
        ("there", "there/Model-1.5-Q8_0.gguf"),
        ("there/x.gguf", "there/x.gguf"),
        ("{name}.{type}.gguf", "Model-1.5.Q8_0.gguf"),
        ("{type}/", "Q8_0/Model-1.5-Q8_0.gguf"),
        ("{{x}}-{type}", "{x}-Q8_0"),
    ],
)
def test_where_an_output_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    assert output_path(given, name="Model-1.5", preset="Q8_0") == Path(path)


def test_a_path_object_is_read_like_a_text(tmp_path: Path) -> None:
    assert output_path(tmp_path, name="a", preset="F16") == tmp_path / "a-F16.gguf"


@pytest.mark.parametrize("given", ["-", "{nam}.gguf", "{}.gguf", "{name", "name}", "{name!r}"])
def test_what_cannot_be_an_output_is_wrong_usage(given: str) -> None:
    with pytest.raises(UsageError):
        output_path(given, name="a", preset="F16")


@pytest.mark.parametrize("given", ["n" * 300, "n" * 300 + "/", "file/x.gguf", "file/"])
def test_a_path_that_cannot_be_is_an_output_error(
    make_tiny: MakeTiny, tmp_path: Path, given: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="cannot be written"):
        quantcli.convert(make_tiny("llama"), "Q8_0", f"{tmp_path}/{given}", jobs=1)


def test_a_name_cannot_leave_the_folder() -> None:
    assert default_name("../Org/Model: 2\n", "F16") == "..-Org-Model- 2--F16.gguf"
    assert output_path("{name}", name="/etc/passwd", preset="F16") == Path("-etc-passwd")


def test_a_snapshot_of_the_hub_is_called_as_its_repository(
    make_tiny: MakeTiny, tmp_path: Path
) -> None:
    snapshot = tmp_path / "models--Org--Some-Model" / "snapshots" / ("0a" * 20)
    shutil.copytree(make_tiny("llama"), snapshot)
    done = quantcli.convert(snapshot, "Q8_0", f"{tmp_path}/out/", jobs=1)
    assert Path(done.output) == tmp_path / "out" / "Some-Model-Q8_0.gguf"


def test_the_checkpoint_itself_is_never_the_output(make_tiny: MakeTiny, tmp_path: Path) -> None:
    model = make_tiny("llama")
    weights = model / "model.safetensors"
    before = weights.read_bytes()
    link = tmp_path / "link.gguf"
    link.symlink_to(weights)
    for output in (weights, link, model / "config.json"):
        with pytest.raises(OutputError, match=r"of the model itself|is a link, not a file"):
            quantcli.convert(model, "Q8_0", output, jobs=1, force=True)
    assert weights.read_bytes() == before


# -------------------------------------------------------------------------------------- replacing
def foreign_gguf(path: Path) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


FOREIGN: dict[str, Callable[[Path], object]] = {
    "not a GGUF file": lambda path: path.write_bytes(b"precious"),
    "empty": lambda path: path.write_bytes(b""),
    "somebody else's": foreign_gguf,
    "ours, but damaged": damaged,
}


@pytest.mark.parametrize("case", FOREIGN)
def test_skip_existing_replaces_nothing_that_quantcli_did_not_make(
    make_tiny: MakeTiny, tmp_path: Path, case: str
) -> None:
    model, output = make_tiny("llama"), tmp_path / "out.gguf"
    quantcli.convert(model, "Q4_0", output, jobs=1)
    FOREIGN[case](output)
    before = output.read_bytes()
    with pytest.raises(OutputError, match="not made by quantcli"):
        quantcli.convert(model, "Q8_0", output, jobs=1, skip_existing=True)
    assert output.read_bytes() == before
    assert not list(tmp_path.glob("*.partial*"))


def test_skip_existing_replaces_its_own_when_out_of_date(
    make_tiny: MakeTiny, tmp_path: Path
) -> None:
    model, output = make_tiny("llama"), tmp_path / "out.gguf"
    quantcli.convert(model, "Q4_0", output, jobs=1)
    done = quantcli.convert(model, "Q8_0", output, jobs=1, skip_existing=True)
    assert (done.skipped, done.preset) == (False, "Q8_0")
    assert quantcli.convert(model, "Q8_0", output, jobs=1, skip_existing=True).skipped
