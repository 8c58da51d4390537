"""docs/json.md says what the commands print with --json, field by field and type by type."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny

from quantcli.cli import commands
from quantcli.container.reader import GgufFile

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
MakeTiny = Callable[..., Path]
SCALARS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: isinstance(value, bool),
    "any": lambda value: True,
}


def tables() -> dict[str, dict[str, str]]:
    """Return heading → field → type."""
    found = {}
    for part in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)[1:]:
        heading = part.splitlines()[0].strip()
        found[heading] = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", part, flags=re.MULTILINE))
    found["CONVERSION"] = {
        field: kind for field, kind in found["quantcli convert"].items() if field != "format"
    }
    return found


TABLES = tables()


def problems(value: Any, kind: str, at: str) -> list[str]:
    """Return where `value` is not of the documented type `kind`."""
    if kind.endswith(" or null"):
        return [] if value is None else problems(value, kind.removesuffix(" or null"), at)
    if kind in SCALARS:
        return [] if SCALARS[kind](value) else [f"{at}: {value!r} is no {kind}"]
    if kind.startswith("list of "):
        parts = dict(enumerate(value)) if isinstance(value, list) else None
        kinds = dict.fromkeys(parts or (), kind.removeprefix("list of "))
    elif kind.startswith("map of "):
        parts = value if isinstance(value, dict) else None
        kinds = dict.fromkeys(parts or (), kind.removeprefix("map of "))
    else:
        kinds = TABLES[kind]
        parts = value if isinstance(value, dict) and value.keys() == kinds.keys() else None
    if parts is None:
        return [f"{at}: {str(value)[:200]} is no {kind}"]
    return [text for k, part in parts.items() for text in problems(part, kinds[k], f"{at}.{k}")]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quantcli", *map(str, arguments), "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_every_result_is_as_documented(make_tiny: MakeTiny, tmp_path: Path) -> None:
    model, output = make_tiny("llama"), tmp_path / "out.gguf"
    broken = tmp_path / "models" / "broken"
    broken.mkdir(parents=True)
    (broken / "config.json").write_text("{}")
    tiny.write_tiny("bert", tmp_path / "models" / "good")
    calls: dict[str, tuple[object, ...]] = {
        "plan": (model, "-t", "Q4_K_M"),
        "convert": (model, "-t", "Q4_K_M", "-o", output, "--modelfile"),
        "verify": (output, "--against", model),
        "inspect": (output,),
        "types": ("--effort", "fast", "--bench"),
        "archs": ("llama",),
        "batch": (tmp_path / "models", "-t", "Q8_0", "--out", tmp_path / "batch"),
    }
    for name, arguments in calls.items():
        done = run(name, *arguments)
        assert done.returncode == (1 if name == "batch" else 0), done.stderr
        assert done.stdout.count("\n") == 1
        record = json.loads(done.stdout)
        heading = f"quantcli {name}"
        assert problems(record, heading, name) == []
        stated = re.search(rf"## {heading}\n\nFormat (\d+)", PAGE)
        assert stated is not None
        assert record["format"] == int(stated[1])
        if name != "batch":
            assert done.stderr == ""
    states = {item["state"] for item in record["items"]}
    assert states == {"converted", "failed"}


@pytest.mark.parametrize(
    "arguments, code, kind",
    [
        (("convert", "nowhere", "-t", "Q8_0"), 3, "CheckpointError"),
        (("plan", ".", "-t", "Q9_Z"), 2, "UsageError"),
        (("convert", ".", "--no-such-option"), 2, "UsageError"),
        (("convert",), 2, "UsageError"),
        (("verify", "nowhere.gguf"), 3, "ContainerError"),
        (("nothing",), 2, "UsageError"),
    ],
)
def test_errors_are_one_object_on_stderr(arguments: tuple[str, ...], code: int, kind: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    record = json.loads(done.stderr)
    assert problems(record, "Errors", "error") == []
    assert (record["error"]["kind"], record["error"]["exit_code"]) == (kind, code)


def test_a_failed_check_is_a_result_and_an_error(make_tiny: MakeTiny, tmp_path: Path) -> None:
    output = tmp_path / "out.gguf"
    assert run("convert", make_tiny("llama"), "-t", "Q8_0", "-o", output).returncode == 0
    with output.open("ab") as file:
        file.write(b"more")
    done = run("verify", output)
    assert done.returncode == 1
    assert json.loads(done.stdout)["passed"] is False
    assert json.loads(done.stderr)["error"]["kind"] == "VerificationError"


@pytest.mark.parametrize("state", ["convertible", "of an unknown class", "without weights"])
def test_a_checkpoint_s_inspection_is_as_documented(make_tiny: MakeTiny, state: str) -> None:
    model = make_tiny("llama")
    if state == "of an unknown class":
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
        (model / "config.json").write_text(json.dumps({**config, "architectures": ["Unheard"]}))
    if state == "without weights":
        (model / "model.safetensors").unlink()
    done = run("inspect", model)
    assert (done.returncode, done.stderr) == (0, "")
    record = json.loads(done.stdout)
    assert problems(record, "quantcli inspect of a checkpoint", "inspect") == []
    assert (record["problem"] is None) == (state == "convertible")
    assert (record["kind"], record["format"]) == ("checkpoint", 1)


def test_every_command_is_documented() -> None:
    names = {path.stem for path in Path(commands.__path__[0]).glob("*.py")} - {"__init__"}
    assert {f"quantcli {name}" for name in names} <= TABLES.keys()


def test_json_is_utf_8_in_every_locale(make_tiny: MakeTiny, tmp_path: Path) -> None:
    model = make_tiny("llama").rename(tmp_path / "modèle-日本")
    target = tmp_path / "out.gguf"
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}

    def run_ascii(*arguments: object) -> bytes:
        command = [sys.executable, "-X", "utf8=0", "-m", "quantcli", *map(str, arguments)]
        done = subprocess.run(command, env=ascii_only, capture_output=True, check=True, timeout=120)
        return done.stdout

    assert json.loads(run_ascii("convert", model, "-t", "Q8_0", "-o", target, "--json").decode())
    assert GgufFile(target).value("general.name") == "Modèle 日本"
    # What is written by hand arrives as well, and the whole file is the one of a UTF-8 locale.
    by_hand = ("--model-name", "naïve", "--metadata", "general.author=Zoë")
    run_ascii("convert", model, "-t", "Q8_0", "-o", target, "--force", *by_hand)
    other = tmp_path / "other.gguf"
    assert run("convert", model, "-t", "Q8_0", "-o", other, *by_hand).returncode == 0
    assert target.read_bytes() == other.read_bytes()
    planned = json.loads(run_ascii("plan", model, "-t", "Q8_0", "--json").decode("utf-8"))
    assert problems(planned, "quantcli plan", "plan") == []
