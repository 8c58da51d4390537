"""The command as users run it: exit codes, streams, what is left behind."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

MakeTiny = Callable[..., Path]
COMMAND = [sys.executable, "-m", "quantcli"]


def quantcli(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        timeout=120,
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_results_go_to_stdout_and_progress_to_stderr(make_tiny: MakeTiny, tmp_path: Path) -> None:
    output = tmp_path / "out.gguf"
    done = quantcli("convert", make_tiny("llama"), "-t", "q4_k_m", "-o", output)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{output}: Q4_K_M, ")
    assert len(done.stdout.splitlines()) == 1
    assert "100 %" in done.stderr
    lines = done.stderr.splitlines()
    reason = "note: rows of 96 are no multiple of 256, so 13 tensors take Q5_0 or Q8_0, as with"
    assert any(line.startswith(reason) for line in lines)
    notes = [line.startswith("note: ") for line in lines]
    assert notes == sorted(notes, reverse=True)
    assert lines[-2:] == [f"run it: llama-cli -m {output}", f"    or: llama-server -m {output}"]


def test_quiet_says_nothing_and_json_is_one_object(make_tiny: MakeTiny, tmp_path: Path) -> None:
    model = make_tiny("llama")
    done = quantcli("convert", model, "-t", "Q8_0", "-o", tmp_path / "a.gguf", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = quantcli("convert", model, "-t", "Q8_0", "-o", tmp_path / "b.gguf", "-q", "--json")
    record = json.loads(done.stdout)
    assert record["preset"] == "Q8_0"
    assert record["size"] == (tmp_path / "b.gguf").stat().st_size


def test_the_default_output_is_named_after_model_and_type(
    make_tiny: MakeTiny, tmp_path: Path
) -> None:
    model = make_tiny("llama")
    (tmp_path / "here").mkdir()
    assert quantcli("convert", model, "-t", "q8_0", cwd=tmp_path / "here").returncode == 0
    assert [p.name for p in (tmp_path / "here").iterdir()] == [f"{model.name}-Q8_0.gguf"]


def test_an_existing_output_is_refused_forced_or_skipped(
    make_tiny: MakeTiny, tmp_path: Path
) -> None:
    model, output = make_tiny("llama"), tmp_path / "out.gguf"
    call = ("convert", model, "-t", "Q8_0", "-o", output)
    output.write_bytes(b"precious")
    refused = quantcli(*call)
    assert refused.returncode == 4
    assert "--force" in refused.stderr
    assert output.read_bytes() == b"precious"
    assert quantcli(*call, "--force").returncode == 0
    written = output.stat().st_mtime_ns
    skipped = quantcli(*call, "--skip-existing")
    assert skipped.returncode == 0
    assert "up to date" in skipped.stdout
    assert output.stat().st_mtime_ns == written
    assert quantcli(*call, "--force", "--skip-existing").returncode == 2


def test_skip_existing_notices_another_type_and_newer_weights(
    make_tiny: MakeTiny, tmp_path: Path
) -> None:
    model, output = make_tiny("llama"), tmp_path / "out.gguf"
    assert quantcli("convert", model, "-t", "Q8_0", "-o", output).returncode == 0
    first = digest(output)
    again = ("convert", model, "-t", "Q4_0", "-o", output, "--skip-existing")
    assert "up to date" not in quantcli(*again).stdout
    second = digest(output)
    assert second != first
    weights = model / "model.safetensors"
    negative = {name: -array for name, array in load_file(weights).items()}
    save_file(negative, weights, metadata={"format": "pt"})
    assert "up to date" not in quantcli(*again).stdout
    assert digest(output) != second


def test_a_saved_plan_gives_the_same_file(make_tiny: MakeTiny, tmp_path: Path) -> None:
    model = make_tiny("llama")
    saved = tmp_path / "plan.json"
    saved.write_text(quantcli("plan", model, "-t", "Q4_K_M", "--json").stdout)
    first, second = tmp_path / "1.gguf", tmp_path / "2.gguf"
    assert quantcli("convert", model, "--plan", saved, "-o", first).returncode == 0
    assert quantcli("convert", model, "-t", "Q4_K_M", "-o", second).returncode == 0
    assert digest(first) == digest(second)
    for decided in (
        ("-t", "Q8_0"),
        ("--effort", "normal"),
        ("--pre-tokenizer", "llama-bpe"),
        ("--model-name", "Other"),
        ("--metadata", "general.author=Me"),
    ):
        both = quantcli("convert", model, "--plan", saved, *decided, "-o", tmp_path / "3.gguf")
        assert both.returncode == 2
        assert {"-t": "--type"}.get(decided[0], decided[0]) in both.stderr
    assert not (tmp_path / "3.gguf").exists()


def test_plan_reads_no_tensor_data_and_is_right_to_the_byte(
    make_tiny: MakeTiny, tmp_path: Path
) -> None:
    model, output = make_tiny("llama"), tmp_path / "out.gguf"
    assert quantcli("convert", model, "-t", "Q4_K_M", "-o", output).returncode == 0
    weights = model / "model.safetensors"
    length = struct.unpack("<Q", weights.read_bytes()[:8])[0]
    size = weights.stat().st_size
    # All weights become NaN; a plan must not notice.
    with weights.open("r+b") as file:
        file.seek(8 + length)
        file.write(b"\xff" * (size - 8 - length))
    shown = quantcli("plan", model, "-t", "Q4_K_M")
    assert shown.returncode == 0
    assert f"{output.stat().st_size:,} bytes" in shown.stdout
    assert "rows of 96 are no multiple of 256" in shown.stdout


def test_ctrl_c_exits_130_and_the_same_command_goes_on(make_tiny: MakeTiny, tmp_path: Path) -> None:
    model, output = make_tiny("llama"), tmp_path / "out.gguf"
    call = [*COMMAND, "convert", str(model), "-t", "Q4_K_M", "-o", str(output)]
    call += ["--jobs", "2", "--chunk-weights", "100"]
    running = subprocess.Popen(call, stderr=subprocess.PIPE, text=True, start_new_session=True)
    journal = tmp_path / "out.gguf.partial.journal"
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.read_bytes().count(b"\n") > 5):
        assert time.monotonic() < deadline
        assert running.poll() is None
        time.sleep(0.005)
    os.killpg(running.pid, signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130, stderr
    assert "The same command goes on" in stderr
    assert not output.exists()
    done = quantcli(*call[len(COMMAND) :])
    assert done.returncode == 0, done.stderr
    assert "resumed" in done.stdout


def truncate(model: Path) -> None:
    weights = model / "model.safetensors"
    os.truncate(weights, weights.stat().st_size - 100)


def huge_header(model: Path) -> None:
    with (model / "model.safetensors").open("r+b") as file:
        file.write(struct.pack("<Q", 1 << 60))


def rewrite_header(model: Path, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    weights = model / "model.safetensors"
    data = weights.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    change(header)
    fresh = json.dumps(header).encode()
    weights.write_bytes(struct.pack("<Q", len(fresh)) + fresh + data[8 + length :])


def overlapping(model: Path) -> None:
    def change(header: dict[str, dict[str, object]]) -> None:
        header["model.norm.weight"]["data_offsets"] = [0, 192]

    rewrite_header(model, change)


def out_of_range(model: Path) -> None:
    def change(header: dict[str, dict[str, object]]) -> None:
        header["model.norm.weight"]["data_offsets"] = [1 << 40, (1 << 40) + 192]

    rewrite_header(model, change)


def write_index(model: Path, shard: str) -> None:
    names = list(load_file(model / "model.safetensors"))
    (model / "model.safetensors").unlink()  # whole, it would be read alone
    index = {"weight_map": dict.fromkeys(names, shard)}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))


def change_config(model: Path, **fields: object) -> None:
    config = json.loads((model / "config.json").read_text())
    for name, value in fields.items():
        config.pop(name) if value is None else config.update({name: value})
    (model / "config.json").write_text(json.dumps(config))


def rename_tensors(model: Path) -> None:
    weights = model / "model.safetensors"
    tensors = load_file(weights)
    tensors["model.layers.0.extra.weight"] = tensors.pop("model.layers.0.mlp.up_proj.weight")
    tensors["model.layers.1.more.weight"] = tensors.pop("model.norm.weight")
    save_file(tensors, weights)


BROKEN: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "truncated": (truncate, ["model.safetensors"]),
    "header too long": (huge_header, ["model.safetensors", "header"]),
    "overlap": (overlapping, ["model.safetensors", "model.norm.weight"]),
    "out of range": (out_of_range, ["model.safetensors", "model.norm.weight"]),
    "missing shard": (
        lambda model: write_index(model, "model-00001-of-00001.safetensors"),
        ["model-00001-of-00001.safetensors"],
    ),
    "outside": (
        lambda model: write_index(model, "../../etc/passwd"),
        ["index.json", "../../etc/passwd"],
    ),
    "missing field": (
        lambda model: change_config(model, num_hidden_layers=None),
        ["config.json", "num_hidden_layers"],
    ),
    "unknown architecture": (
        lambda model: change_config(model, architectures=["LlamaForCasualLM"]),
        ["LlamaForCasualLM", "have the names and shapes of llama", "--arch"],
    ),
    "missing and left-over tensors": (
        rename_tensors,
        [
            "model.layers.0.extra.weight",
            "model.layers.1.more.weight",
            "mlp.up_proj.weight",
            "norm.weight",
        ],
    ),
    "no config": (lambda model: (model / "config.json").unlink(), ["config.json"]),
    "no tokenizer": (lambda model: (model / "tokenizer.json").unlink(), ["tokenizer"]),
    "empty": (shutil.rmtree, ["no such"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_bad_input_is_one_clear_error_and_leaves_nothing(
    make_tiny: MakeTiny, tmp_path: Path, case: str
) -> None:
    model = make_tiny("llama")
    spoil, words = BROKEN[case]
    spoil(model)
    target = tmp_path / "target"
    target.mkdir()
    done = quantcli("convert", model, "-t", "Q4_K_M", "-o", target / "out.gguf")
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    assert list(target.iterdir()) == []


def test_wrong_usage_is_2_and_version_and_help_are_0(tmp_path: Path) -> None:
    assert quantcli("convert", tmp_path).returncode == 2
    assert quantcli("convert", "--no-such-option").returncode == 2
    assert quantcli("--version").stdout.startswith("quantcli ")
    assert quantcli("-V").stdout == quantcli("--version").stdout
    assert quantcli("--help").returncode == 0
    nothing = quantcli()
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert nothing.stderr == quantcli("--help").stdout


def test_the_effort_is_recorded_and_an_unknown_one_refused(
    make_tiny: MakeTiny, tmp_path: Path
) -> None:
    model = make_tiny("llama")
    for effort in ("fast", "best"):
        output = tmp_path / f"{effort}.gguf"
        assert (
            quantcli("convert", model, "-t", "Q8_0", "-o", output, "--effort", effort).returncode
            == 0
        )
        record = json.loads(quantcli("inspect", output, "--json").stdout)
        assert effort in json.dumps(record["metadata"])
    unknown = quantcli("plan", model, "-t", "Q8_0", "--effort", "maximal")
    assert unknown.returncode == 2
    assert "fast, normal, best" in unknown.stderr


def test_skip_existing_can_compare_contents(make_tiny: MakeTiny, tmp_path: Path) -> None:
    """Times say nothing about a file that was copied; contents do."""
    model, output = make_tiny("llama"), tmp_path / "out.gguf"
    assert quantcli("convert", model, "-t", "Q4_0", "-o", output).returncode == 0
    os.utime(output, (1, 1))
    before = output.stat().st_mtime_ns
    skipped = quantcli("convert", model, "-t", "Q4_0", "-o", output, "--skip-existing=verify")
    assert skipped.returncode == 0
    assert output.stat().st_mtime_ns == before
    with output.open("r+b") as file:  # one bit of a weight
        file.seek(-40, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    os.utime(output)
    again = quantcli("convert", model, "-t", "Q4_0", "-o", output, "--skip-existing=verify")
    assert again.returncode == 0
    assert quantcli("verify", output, "--against", model, "--exact").returncode == 0
