"""`quantcli types` as users run it."""

from __future__ import annotations

import json
import subprocess
import sys

from quantcli import codec, recipe


def types(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quantcli", "types", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_table_has_a_line_for_every_type() -> None:
    done = types()
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    header, *lines = done.stdout.split("\n\n")[1].splitlines()
    assert "M/s" not in done.stdout
    assert header.startswith("type ")
    cells = {line.split()[0]: line.split()[1:] for line in lines}
    assert tuple(cells) == codec.names()
    for name, values in cells.items():
        kind = codec.get(name)
        assert values[:3] == [str(kind.ggml_type), f"{kind.bits_per_weight:.7g}", str(kind.block)]
        assert ("needed" in values) == kind.needs_importance
        assert 0 <= float(values[-2]) < 1
        assert 0 <= float(values[-1]) < 1


def test_bench_adds_two_columns_and_json_is_one_object() -> None:
    done = types("--bench", "--effort", "fast")
    assert (done.returncode, done.stderr) == (0, "")
    header, *lines = done.stdout.split("\n\n")[1].splitlines()
    assert header.endswith("encode M/s  decode M/s")
    assert all(float(value) > 0 for line in lines for value in line.split()[-2:])
    assert "effort fast" in done.stdout
    record = json.loads(types("--json").stdout)
    assert [row["name"] for row in record["types"]] == list(codec.names())


def test_an_unknown_effort_is_wrong_usage() -> None:
    done = types("--effort", "most")
    assert (done.returncode, done.stdout) == (2, "")
    assert "fast, normal, best" in done.stderr


# Bytes of published files of Llama 3.1 8B, whose headers hold about 8 MB, most of it vocabulary.
PUBLISHED_GB = {"F32": 32.13, "F16": 16.07, "Q8_0": 8.54, "Q6_K": 6.60, "Q5_K_M": 5.73} | {
    "Q5_K_S": 5.60,
    "Q4_K_M": 4.92,
    "Q4_K_S": 4.69,
    "Q4_0": 4.66,
}


def test_presets_are_listed_by_size_as_published() -> None:
    record = json.loads(types("--effort", "fast", "--json").stdout)
    sizes = {preset["name"]: preset["size"] for preset in record["presets"]}
    assert set(sizes) == set(recipe.names())
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)
    for name, gigabytes in PUBLISHED_GB.items():
        assert abs(sizes[name] + 8e6 - gigabytes * 1e9) < 0.01e9, name
    lines = types("--effort", "fast").stdout.split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(sizes)
