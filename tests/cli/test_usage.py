"""Help, spellings, completion and wrong usage: what people type, and what they are told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from quantcli import codec, recipe
from quantcli.app.presets import REFERENCE, presets
from quantcli.cli import commands, complete, console
from quantcli.cli.sizes import SIZES

MakeTiny = Callable[..., Path]
COMMAND = [sys.executable, "-m", "quantcli"]
NAMES = sorted(path.stem for path in Path(commands.__path__[0]).glob("[a-z]*.py"))


def quantcli(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **variables},
    )


# ----------------------------------------------------------------------------------------- help
def test_help_is_grouped_and_has_examples() -> None:
    text = quantcli("convert", "--help").stdout
    groups = ["Arguments:", "Output:", "Work:", "Model and metadata:", "What is printed:"]
    found = [line for line in text.splitlines() if line.endswith(":") and line in groups]
    assert found == groups
    assert "\n  quantcli convert SmolLM2-135M-Instruct -t Q4_K_M\n" in text
    assert max(len(line) for line in text.split("Examples:")[0].splitlines()) <= 80
    assert not re.search(r"[│╭\x1b]", text)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_shows_how_it_is_called(name: str) -> None:
    done = quantcli(name, "-h")
    assert done.returncode == 0
    assert "Examples:" in done.stdout
    for line in done.stdout.split("Examples:\n")[1].split("\n\n")[0].splitlines():
        assert line.startswith(f"  quantcli {name}")
    assert "..." not in quantcli("--help").stdout.split("Commands:")[1].split("Examples")[0]


def test_help_does_not_import_what_is_slow() -> None:
    code = (
        "import sys\nfrom quantcli.cli import main\nsys.argv = ['quantcli', 'convert', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('numpy', 'gguf', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_lists_the_types_by_size() -> None:
    computed = [
        (preset.name, f"{preset.bits_per_weight:.2f}", console.size(preset.size))
        for preset in presets()
    ]
    assert list(SIZES) == computed
    for name in ("convert", "plan", "batch"):
        text = quantcli(name, "--help").stdout
        assert f"the size of {REFERENCE}:" in text
        rows = [tuple(line.split(maxsplit=2)) for line in text.splitlines() if "GB" in line]
        assert rows[-len(computed) :] == computed


# ----------------------------------------------------------------------------------- wrong usage
WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown option": (("convert", "m", "--tpye", "Q8_0"), "--tpye"),
    "missing argument": (("convert",), "MODEL"),
    "missing option": (("plan", "m"), "--type"),
    "no type": (("convert", "m"), "Q4_K_M"),
    "no number": (("convert", "m", "-t", "Q8_0", "-j", "many"), "--jobs"),
    "too small": (("convert", "m", "-t", "Q8_0", "-j", "0"), "--jobs"),
    "no value": (("convert", "m", "-t"), "-t"),
    "too many": (("convert", "m", "n", "-t", "Q8_0"), "n"),
    "unknown command": (("convrt", "m"), "convrt"),
    "two types": (("convert", "m", "-t", "Q8_0", "-t", "Q4_0"), "quantcli batch"),
    "two types, one a peer's": (("convert", "m", "-t", "Q8_0", "--outtype", "f16"), "--type"),
    "two outputs": (("convert", "m", "-t", "Q8_0", "-o", "a", "--outfile=b"), "--output"),
    "two types of a plan": (("plan", "m", "-t", "Q8_0", "--type", "Q4_0"), "--type"),
    "two efforts": (("types", "--effort", "fast", "--effort", "best"), "--effort"),
    "no pair": (("convert", "m", "-t", "Q8_0", "--metadata", "general.author"), "KEY=VALUE"),
    "a key twice": (
        ("plan", "m", "-t", "Q8_0", "--metadata", "a.b=1", "--metadata", "a.b=2"),
        "a.b",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_one_error_in_one_style(case: str) -> None:
    arguments, word = WRONG[case]
    done = quantcli(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    first, *rest = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert word in done.stderr
    assert len(rest) == 1, "one hint"
    assert not re.search(r"[│╭]|Usage:|Traceback", done.stderr)


def test_flags_and_lists_can_be_repeated(make_tiny: MakeTiny) -> None:
    done = quantcli("plan", make_tiny("llama"), "-t", "Q8_0", "--json", "--json")
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------------- spellings
@pytest.mark.parametrize("kind", ["f32", "f16", "bf16", "q8_0"])
def test_the_converter_s_spellings_mean_the_same(
    make_tiny: MakeTiny, tmp_path: Path, kind: str
) -> None:
    output = tmp_path / "out.gguf"
    done = quantcli("convert", make_tiny("llama"), f"--outtype={kind}", "--outfile", output)
    assert done.returncode == 0, done.stderr
    assert f"{output}: {kind.upper()}, " in done.stdout
    assert "--outtype" not in quantcli("convert", "--help").stdout


def test_what_follows_two_hyphens_is_taken_as_it_is(tmp_path: Path) -> None:
    done = quantcli("convert", "-t", "Q8_0", "--", "--outfile")
    assert done.returncode == 3
    assert "--outfile: no such" in done.stderr


# ------------------------------------------------------------------------------------ completion
def completed(*words: str) -> list[str]:
    line = {"COMP_WORDS": " ".join(("quantcli", *words)), "COMP_CWORD": str(len(words))}
    done = quantcli(_QUANTCLI_COMPLETE="complete_bash", **line)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_values_complete() -> None:
    assert completed("convert", "m", "-t", "Q5") == ["Q5_0", "Q5_1", "Q5_K_M", "Q5_K_S"]
    assert completed("plan", "m", "--type", "q6") == ["q6_k"]
    assert completed("batch", "m", "-t", "BF") == ["BF16"]
    assert completed("types", "--effort", "n") == ["normal"]
    assert completed("convert", "m", "--pre-tokenizer", "gpt-") == ["gpt-2", "gpt-4o"]


def test_what_completes_is_what_there_is() -> None:
    assert sorted(complete.presets("")) == sorted(recipe.names())
    assert tuple(complete.efforts("")) == codec.EFFORTS


def test_completion_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom quantcli.cli import complete\n"
        "complete.presets('Q'), complete.efforts(''), complete.pre_tokenizers('l')\n"
        "print([m for m in ('numpy', 'gguf') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
