"""Nothing is imported from the current folder, the model's folder, or (by workers) PYTHONPATH."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import calls
import pytest

from quantcli import errors
from quantcli.workers.call import Call
from quantcli.workers.engine import drive, opened
from quantcli.workers.pipes import PipeExecutor

HERE = str(Path(__file__).parent)
# The standard library's, libraries', and what an interpreter looks for when it starts.
TRAPS = (
    *("json", "numpy", "pickle", "zlib", "typing", "signal", "subprocess"),
    *("threading", "selectors", "tempfile", "socket", "hashlib", "concurrent"),
    *("gguf", "rich", "typer", "yaml", "ml_dtypes"),
    *("sitecustomize", "usercustomize", "traceback", "inspect", "enum"),
)
CODE = """
with open({marker!r}, "a") as file:
    file.write(__name__ + "\\n")
"""


def set_traps(folder: Path, marker: Path, *packages: str) -> None:
    """Fill `folder` with modules that leave their name in the file `marker` when imported."""
    for name in TRAPS:
        (folder / f"{name}.py").write_text(CODE.format(marker=str(marker)))
    for name in packages:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(CODE.format(marker=str(marker)))


def sprung(marker: Path) -> str:
    return marker.read_text() if marker.exists() else ""


def test_the_traps_work(tmp_path: Path) -> None:
    set_traps(tmp_path, tmp_path / "sprung", "quantcli")
    command = [sys.executable, "-c", "import numpy, json, quantcli"]
    subprocess.run(command, cwd=tmp_path, check=True, env={**os.environ, "PYTHONPATH": "."})
    assert {"numpy", "json", "quantcli", "sitecustomize"} <= set(
        sprung(tmp_path / "sprung").split()
    )


@pytest.mark.parametrize("start", ["command", "module"])
def test_a_conversion_inside_a_model_s_folder_runs_nothing_from_it(
    make_tiny: Callable[..., Path], tmp_path: Path, start: str
) -> None:
    model, marker, output = make_tiny("llama"), tmp_path / "sprung", tmp_path / "out.gguf"
    # Which package `python -m quantcli` means is for the interpreter to say, and it looks here.
    set_traps(model, marker, *(["quantcli"] if start == "command" else []))
    quantcli = {
        "command": [str(Path(sys.executable).with_name("quantcli"))],
        "module": [sys.executable, "-m", "quantcli"],
    }[start]
    options = ["-o", str(output), "--jobs", "2", "--chunk-weights", "3000"]
    done = subprocess.run(
        [*quantcli, "convert", ".", "-t", "Q8_0", *options],
        cwd=model,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    verify = [*quantcli, "verify", str(output), "--against", ".", "--jobs", "2"]
    subprocess.run(verify, cwd=model, capture_output=True, check=True)
    assert sprung(marker) == ""


def test_workers_import_nothing_from_the_current_folder_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "sprung"
    set_traps(tmp_path, marker, "quantcli")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}.")
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "json.py"))
    # Where libraries are comes last, even if it holds what bears other names.
    executor = PipeExecutor(2, (HERE, str(tmp_path)))
    paths = executor.submit(calls.path).result()
    executor.kill()
    assert paths[-1] == str(tmp_path)
    assert not {"", ".", str(tmp_path)} & set(paths[:-1])
    listed = []
    with opened(None, jobs=2, calls=2) as engine:
        drive(
            engine, [Call.of(errors.listed, "t", ("a",))] * 2, lambda _i, text: listed.append(text)
        )
    assert listed == ["t\n  a"] * 2
    assert sprung(marker) == ""


START = """
from quantcli.workers import call
from quantcli.workers.engine import drive, opened
seen = []
with opened(None, jobs=2, calls=2) as engine:
    asked = [call.Call.of(call.fingerprint.__wrapped__)] * 2
    drive(engine, asked, lambda _number, found: seen.append(found))
print(seen == [call.fingerprint()] * 2, call.__file__)
"""


def test_workers_use_the_very_package_that_starts_them(tmp_path: Path) -> None:
    """Though the interpreter finds another one of that name where its libraries are."""
    copy = tmp_path / "elsewhere"
    source = Path(errors.__file__).parent
    shutil.copytree(source, copy / "quantcli")
    with (copy / "quantcli" / "errors.py").open("a") as file:
        file.write("\n# another version\n")
    done = subprocess.run(
        [sys.executable, "-c", START],
        env={**os.environ, "PYTHONPATH": str(copy)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[0] == "True"
    assert done.stdout.split()[1].startswith(str(copy))
