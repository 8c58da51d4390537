"""What people see: on terminals of several widths, in pipes, on devices that take nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pseudo_terminal
import pytest
import tiny

import quantcli
from quantcli import codec, recipe
from quantcli.cli import console, table
from quantcli.cli.table import Column

MakeTiny = Callable[..., Path]
COMMAND = [sys.executable, "-m", "quantcli"]
WIDTHS = (60, 80, 100, 120)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose names are as long as those of real ones."""
    folder = tmp_path_factory.mktemp("terminal") / "model"
    return tiny.write_tiny("llama", folder, size=tiny.Size(layers=12))


@pytest.fixture(scope="module")
def output(model: Path) -> Path:
    path = model.with_suffix(".gguf")
    quantcli.convert(model, "Q4_K_M", path, jobs=1)
    return path


def lines(*arguments: object, columns: int) -> list[str]:
    status, sent = pseudo_terminal.run(*arguments, columns=columns)
    assert status == 0, sent
    return pseudo_terminal.shown(sent)


def assert_whole(shown: list[str], rows: list[tuple[str, str]]) -> None:
    """Assert that the first words of as many lines, in this order, are these names and types."""
    found = [tuple(line.split()[:2]) for line in shown if line and not line.startswith(" ")]
    position = 0
    for row in rows:
        assert row in found[position:], row
        position = found.index(row, position)


@pytest.mark.parametrize("columns", WIDTHS)
def test_names_and_types_of_a_plan_are_whole_at_any_width(model: Path, columns: int) -> None:
    plan = quantcli.plan(model, "Q4_K_M")
    every = lines("plan", model, "-t", "Q4_K_M", "--tensors", columns=columns)
    assert_whole(every, [(step.name, step.type) for step in plan.steps])
    summary = lines("plan", model, "-t", "Q4_K_M", columns=columns)
    kinds = list(dict.fromkeys((step.role, step.type) for step in plan.steps))
    assert set(kinds) <= {tuple(line.split()[:2]) for line in summary}
    head = summary[: summary.index("")]
    for line in (*every[: every.index("")], *head):
        assert len(line) <= columns
    # Every reason is there, in words that may be folded.
    reasons = {step.fallback for step in plan.fallbacks}
    text = " ".join(" ".join(head).split())
    assert reasons
    if columns >= 80:
        assert all(reason in text for reason in reasons)


@pytest.mark.parametrize("columns", WIDTHS)
def test_names_and_types_elsewhere_are_whole_at_any_width(
    model: Path, output: Path, columns: int
) -> None:
    shown = lines("verify", output, "--against", model, columns=columns)
    checks = quantcli.verify(output, model, jobs=1).tensors
    worst = max(
        (check for check in checks if check.type == "Q5_0"), key=lambda check: check.relative_rmse
    )
    words = {word for line in shown for word in line.split()}
    assert worst.name in words
    assert {check.type for check in checks} <= words
    shown = lines("types", "--effort", "fast", columns=columns)
    first = [line.split()[0] for line in shown if line and not line.startswith(" ")]
    assert set(codec.names()) | set(recipe.names()) <= set(first)
    assert all(len(line) <= columns for line in shown if not line.startswith("error:"))


def test_notes_stand_above_the_bar_and_the_next_step_below(model: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.gguf"
    arguments = ("convert", model, "-t", "Q4_K_M", "-o", target, "--jobs", "1")
    status, sent = pseudo_terminal.run(*arguments, "--chunk-weights", "2000", columns=200)
    assert status == 0
    assert "converting" in sent
    assert sent.rindex("note: ") < sent.index("converting")
    # Nothing is printed into a bar: between its first and its last drawing there is nothing else.
    bar = sent[sent.index("converting") : sent.rindex("converting")]
    assert "note" not in bar
    final = [line for line in pseudo_terminal.shown(sent) if line]
    assert not any("converting" in line for line in final)
    assert [line.split()[0] for line in final[-3:]] == [f"{target}:", "run", "or:"]
    assert all(line.startswith("note: ") for line in final[:-3])
    assert any("no multiple of 256" in line for line in final[:-3])


def test_a_pipe_beside_a_terminal_gets_every_cell(model: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    arguments = ("plan", model, "-t", "Q4_K_M", "--tensors")
    status, sent = pseudo_terminal.run(*arguments, columns=40, stdout=kept)
    assert (status, sent) == (0, "")
    plan = quantcli.plan(model, "Q4_K_M")
    assert_whole(kept.read_text().splitlines(), [(step.name, step.type) for step in plan.steps])


@pytest.mark.parametrize("variables", [{}, {"FORCE_COLOR": "1"}, {"COLUMNS": "30"}], ids=str)
def test_a_pipe_is_neither_wrapped_nor_padded(model: Path, variables: dict[str, str]) -> None:
    done = subprocess.run(
        [*COMMAND, "plan", model, "-t", "Q4_K_M", "--tensors"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    rows = text.split("\n\n")[0].splitlines()[1:]
    steps = quantcli.plan(model, "Q4_K_M").steps
    assert len(rows) == len(steps)
    for row, step in zip(rows, steps, strict=True):
        assert row.startswith(step.name)
        assert row == row.rstrip()
        assert row.endswith(step.fallback or f"{step.nbytes:,}")


# ------------------------------------------------------------------------------- streams that fail
@pytest.mark.parametrize("arguments", [("plan", "--tensors"), ("plan", "--json")], ids=str)
def test_a_pipe_that_is_closed_early_is_no_error(model: Path, arguments: tuple[str, ...]) -> None:
    name, *options = arguments
    process = subprocess.Popen(
        [*COMMAND, name, model, "-t", "Q4_K_M", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, b"")


def test_a_check_that_fails_fails_before_a_closed_pipe_too(output: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(output.read_bytes() + b"more")
    process = subprocess.Popen(
        [*COMMAND, "verify", broken, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert json.loads(errors)["error"]["kind"] == "VerificationError"


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "MODEL", "-t", "Q4_K_M"),
        ("plan", "MODEL", "-t", "Q4_K_M", "--json"),
        ("verify", "OUTPUT"),
        ("inspect", "OUTPUT"),
        ("inspect", "OUTPUT", "--json"),
        ("--help",),
        ("--version",),
    ],
    ids=str,
)
def test_a_full_device_is_one_sentence_and_exit_code_4(
    model: Path, output: Path, arguments: tuple[str, ...]
) -> None:
    names = {"MODEL": str(model), "OUTPUT": str(output)}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *(names.get(word, word) for word in arguments)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 4, done.stderr
    assert "standard output" in last
    assert "No space left" in last
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_notes_that_nobody_can_read_stop_nothing(model: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.gguf"
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "convert", model, "-t", "Q8_0", "-o", target],
            stdout=subprocess.PIPE,
            stderr=full,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0
    assert target.is_file()
    assert done.stdout.startswith(str(target).encode())


def test_an_encoding_that_lacks_signs_gets_others(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "modèle"
    folder.symlink_to(model)
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-X", "utf8=0", "-m", "quantcli"]

    def run(*arguments: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*command, *map(str, arguments)],
            env=ascii_only,
            capture_output=True,
            check=False,
            timeout=120,
        )

    done = run("plan", folder, "-t", "Q4_K_M", "--tensors")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"96 x 96" in done.stdout
    missing = run("plan", tmp_path / "fehlt-ä", "-t", "Q4_K_M")
    assert missing.returncode == 3
    assert b"Traceback" not in missing.stderr
    assert missing.stderr.startswith(b"error: ")


# ------------------------------------------------------------------------------------ the building
def test_what_a_terminal_acts_upon_is_escaped() -> None:
    hostile = "a\x1b[31mb\x07\n\u202ec[bold]d"
    assert console.plain(hostile) == "a\\x1b[31mb\\x07\\n\\u202ec[bold]d"
    assert console.plain(hostile, keep="\n").count("\n") == 1
    assert console.plain("größer 日本") == "größer 日本"


def test_a_hostile_name_reaches_no_terminal_as_it_is(make_tiny: MakeTiny, tmp_path: Path) -> None:
    folder = make_tiny("llama").rename(tmp_path / "x\x1b[2J\n[red]")
    for arguments in (("convert", folder, "-t", "Q8_0", "-o", f"{tmp_path}/"), ("plan", folder)):
        done = subprocess.run(
            [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=120
        )
        assert "\x1b" not in done.stdout + done.stderr
    (made,) = tmp_path.glob("*.gguf")
    assert made.name.isprintable()


COLUMNS = (Column("name"), Column("a number", right=True), Column("prose", prose=True))
ROWS = [("long.name.of.a.thing", "1", "some words that go on and on"), ("short", "23", "")]


@pytest.mark.parametrize("width", [None, 80, 60, 50, 40, 30, 10])
def test_a_table_keeps_names_and_numbers_and_folds_prose(width: int | None) -> None:
    _, body = table.layout(COLUMNS, ROWS, width)
    assert body[0].split()[:2] == ["long.name.of.a.thing", "1"]
    assert body[-1].split() == ["short", "23"]
    assert " ".join(" ".join(body).split()) == (
        "long.name.of.a.thing 1 some words that go on and on short 23"
    )
    if width is None:
        assert len(body) == 2
    elif width >= 30:
        assert all(len(line) <= width for line in body)


def test_columns_of_a_table_stand_below_each_other() -> None:
    headings, body = table.layout(COLUMNS, ROWS, None)
    assert headings == ["name                  a number  prose"]
    assert body == [
        "long.name.of.a.thing         1  some words that go on and on",
        "short                       23",
    ]
    headings, body = table.layout(COLUMNS, [("名前", "1", "x")], 12)
    assert headings[-1].split() == ["name", "number"]
    assert body[0].startswith("名前 ")
