"""verify passes what is right and names what is wrong."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny
from safetensors.numpy import load_file, save_file

import quantcli
from quantcli.container.header import build_header
from quantcli.container.reader import GgufFile, Metadata
from quantcli.errors import ContainerError, UsageError

MakeTiny = Callable[..., Path]
Q_PROJ = "blk.0.attn_q.weight"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify") / "model"
    return tiny.write_tiny("llama", folder, size=tiny.WIDE, dtype="BF16", shards=2)


@pytest.fixture(scope="module")
def good(model: Path) -> Path:
    output = model.parent / "good.gguf"
    quantcli.convert(model, "Q4_K_M", output, jobs=1)
    return output


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(good, tmp_path / "copy.gguf"))


def patch(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def rewrite(path: Path, change: Callable[[list[Metadata]], list[Metadata]]) -> None:
    """Write the file again with changed metadata and the same tensors."""
    file = GgufFile(path)
    tensors = list(file.tensors.values())
    header = build_header(
        change(list(file.entries.values())),
        [(t.name, t.shape, t.type.id, t.nbytes) for t in tensors],
    )
    data = bytearray(header.data.ljust(header.size, b"\0"))
    for tensor, offset in zip(tensors, header.offsets, strict=True):
        data[offset : offset + tensor.nbytes] = file.bytes_at(
            tensor.offset, tensor.offset + tensor.nbytes
        )
    path.unlink()
    path.write_bytes(data)


def replaced(key: str, value: object) -> Callable[[list[Metadata]], list[Metadata]]:
    return lambda entries: [Metadata(e.key, e.type, value) if e.key == key else e for e in entries]


def only_problem(path: Path, model: Path | None, **options: bool) -> str:
    result = quantcli.verify(path, model, jobs=1, **options)
    assert not result.passed
    assert len(result.problems) == 1, result.problems
    return result.problems[0]


# ------------------------------------------------------------------------------- what is right
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_converted_file_passes(good: Path, model: Path, jobs: int) -> None:
    seen: list[tuple[int, int]] = []
    result = quantcli.verify(
        good, model, jobs=jobs, progress=lambda done, total: seen.append((done, total))
    )
    assert result.passed, result.problems
    assert result.preset == "Q4_K_M"
    types = {check.type for check in result.tensors}
    assert {"Q4_K", "Q6_K", "F32"} <= types
    for check in result.tensors:
        assert check.relative_rmse is not None
        assert check.bound is not None
        assert check.relative_rmse <= check.bound
        assert (check.relative_rmse == 0) == (check.type == "F32")
    assert seen[-1][0] == seen[-1][1] == sum(t.nbytes for t in GgufFile(good).tensors.values())
    assert seen == sorted(seen)


def test_the_result_does_not_depend_on_the_number_of_processes(good: Path, model: Path) -> None:
    one, two = (quantcli.verify(good, model, jobs=jobs) for jobs in (1, 2))
    assert one == two
    record = json.loads(two.to_json())
    assert record["passed"] is True
    assert len(record["tensors"]) == len(GgufFile(good).tensors)


@pytest.mark.parametrize("preset", ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_K_S", "Q6_K"])
@pytest.mark.parametrize("name", list(tiny.MODELS))
def test_every_architecture_and_preset_passes(
    make_tiny: MakeTiny, tmp_path: Path, name: str, preset: str
) -> None:
    source = make_tiny(name)
    quantcli.convert(source, preset, tmp_path / "out.gguf", jobs=1)
    result = quantcli.verify(tmp_path / "out.gguf", source, jobs=1)
    assert result.passed, result.problems


def test_the_exact_check_passes(good: Path, model: Path) -> None:
    assert quantcli.verify(good, model, exact=True, jobs=1).passed


def test_structure_alone_passes_and_says_nothing_of_errors(good: Path) -> None:
    result = quantcli.verify(good, jobs=1)
    assert result.passed
    assert all(check.relative_rmse is None for check in result.tensors)


def test_nonfinite_source_weights_that_were_let_through_are_noted(
    make_tiny: MakeTiny, tmp_path: Path
) -> None:
    source = make_tiny("llama")
    tensors = load_file(source / "model.safetensors")
    tensors["model.layers.0.self_attn.o_proj.weight"][3, 4] = np.nan
    save_file(tensors, source / "model.safetensors")
    quantcli.convert(source, "Q8_0", tmp_path / "o.gguf", jobs=1, allow_nonfinite=True)
    result = quantcli.verify(tmp_path / "o.gguf", source, jobs=1)
    assert result.passed, result.problems
    assert any("attn_output" in note and "1 weights" in note for note in result.notes)


# ------------------------------------------------------------------------- what is wrong: data
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_corrupted_byte_is_found_by_the_exact_check(copy: Path, model: Path, jobs: int) -> None:
    tensor = GgufFile(copy).tensors[Q_PROJ]
    at = tensor.offset + 7 * tensor.row_bytes + tensor.row_bytes - 1
    patch(copy, at, bytes([GgufFile(copy).bytes_at(at, at + 1)[0] ^ 0x01]))
    result = quantcli.verify(copy, model, exact=True, jobs=jobs)
    assert len(result.problems) == 1
    assert Q_PROJ in result.problems[0]
    assert "1 rows are not what encoding the source gives, the first is row 7" in result.problems[0]


def test_a_corrupted_run_of_codes_is_found_by_the_bounds(copy: Path, model: Path) -> None:
    tensor = GgufFile(copy).tensors[Q_PROJ]
    at = tensor.offset + 7 * tensor.row_bytes + 16  # behind d, dmin and the scales
    codes = GgufFile(copy).bytes_at(at, at + 64)
    patch(copy, at, bytes(code ^ 0x88 for code in codes))
    problem = only_problem(copy, model)
    assert Q_PROJ in problem
    assert "block 0 of row 7" in problem


@pytest.mark.parametrize("name", [Q_PROJ, "token_embd.weight", "blk.1.ffn_down.weight"])
def test_exchanged_rows_are_found(copy: Path, model: Path, name: str) -> None:
    tensor = GgufFile(copy).tensors[name]
    places = [tensor.offset + row * tensor.row_bytes for row in (5, 9)]
    rows = [GgufFile(copy).bytes_at(place, place + tensor.row_bytes) for place in places]
    for place, row in zip(places, reversed(rows), strict=True):
        patch(copy, place, row)
    problems = quantcli.verify(copy, model, jobs=1).problems
    assert problems
    assert all(name in problem for problem in problems)
    assert "the first is block 0 of row 5" in problems[0]


def test_one_wrong_scale_is_found(copy: Path, model: Path) -> None:
    tensor = GgufFile(copy).tensors[Q_PROJ]
    at = tensor.offset + 3 * tensor.row_bytes
    (d,) = struct.unpack("<e", GgufFile(copy).bytes_at(at, at + 2))
    patch(copy, at, struct.pack("<e", 2 * d))
    problems = quantcli.verify(copy, model, jobs=1).problems
    assert problems
    assert all(Q_PROJ in problem for problem in problems)
    assert "1 blocks are off" in problems[0]
    assert "block 0 of row 3" in problems[0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_scale_that_is_not_finite_is_found_without_the_model(copy: Path, value: float) -> None:
    tensor = GgufFile(copy).tensors[Q_PROJ]
    patch(copy, tensor.offset + tensor.row_bytes, struct.pack("<e", value))
    problem = only_problem(copy, None)
    assert Q_PROJ in problem
    assert "1 blocks hold a NaN or infinite scale" in problem


def test_one_changed_bit_of_a_norm_is_found(copy: Path, model: Path) -> None:
    tensor = GgufFile(copy).tensors["output_norm.weight"]
    byte = GgufFile(copy).bytes_at(tensor.offset + 40, tensor.offset + 41)[0]
    patch(copy, tensor.offset + 40, bytes([byte ^ 1]))
    problems = quantcli.verify(copy, model, jobs=1).problems
    assert problems
    assert all("output_norm.weight (F32)" in problem for problem in problems)
    assert "block 10 of row 0" in problems[0]


def test_a_changed_source_is_found(good: Path, model: Path, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(model, tmp_path / "changed"))
    shard = changed / "model-00001-of-00002.safetensors"
    tensors = load_file(shard)
    name = "model.layers.0.self_attn.q_proj.weight"
    tensors[name] = np.ascontiguousarray(tensors[name][::-1])
    save_file(tensors, shard)
    problems = quantcli.verify(good, changed, jobs=1).problems
    assert any(Q_PROJ in problem and "relative RMSE 1." in problem for problem in problems)
    assert not any("blk.1." in problem for problem in problems)


# --------------------------------------------------------------------- what is wrong: metadata
@pytest.mark.parametrize(
    "key,value,message",
    [
        ("llama.rope.freq_base", 10000.0, "key llama.rope.freq_base is 10000.0, it should be 5"),
        ("tokenizer.ggml.eos_token_id", 0, "key tokenizer.ggml.eos_token_id is 0"),
        ("general.file_type", 2, "key general.file_type is 2, it should be 15"),
        ("tokenizer.chat_template", "x", "key tokenizer.chat_template is 'x'"),
        ("quantcli.source.digest", "0", "key quantcli.source.digest is '0'"),
    ],
)
def test_a_wrong_value_is_named(
    copy: Path, model: Path, key: str, value: object, message: str
) -> None:
    rewrite(copy, replaced(key, value))
    assert only_problem(copy, model).startswith(message)


def test_a_wrong_token_is_named_with_its_number(copy: Path, model: Path) -> None:
    tokens = GgufFile(copy).value("tokenizer.ggml.tokens")
    assert isinstance(tokens, tuple)
    rewrite(copy, replaced("tokenizer.ggml.tokens", (*tokens[:70], "wrong", *tokens[71:])))
    problem = only_problem(copy, model)
    assert problem == (f"key tokenizer.ggml.tokens[70] is 'wrong', it should be {tokens[70]!r}")


def test_missing_additional_and_retyped_keys_are_all_named(copy: Path, model: Path) -> None:
    def change(entries: list[Metadata]) -> list[Metadata]:
        kept = [entry for entry in entries if entry.key != "llama.context_length"]
        retyped = [
            Metadata(e.key, "uint64", e.value) if e.key == "llama.block_count" else e for e in kept
        ]
        return [*retyped, Metadata("llama.extra", "bool", value=True)]

    rewrite(copy, change)
    assert quantcli.verify(copy, model, jobs=1).problems == (
        "key llama.context_length is missing; it should be 64",
        "key llama.extra should not be there; it is True",
        "key llama.block_count has type uint64, it should be uint32",
    )


def test_arrays_of_the_tokenizer_that_do_not_fit_are_found_without_the_model(copy: Path) -> None:
    rewrite(copy, replaced("tokenizer.ggml.token_type", (1, 2)))
    assert "token_type has 2 elements for" in only_problem(copy, None)


# ------------------------------------------------------------------------ what is wrong: tensors
def test_missing_additional_and_misshapen_tensors_are_all_named(
    copy: Path, good: Path, model: Path
) -> None:
    file = GgufFile(good)
    tensors = []
    for t in file.tensors.values():
        if t.name == "output_norm.weight":
            tensors.append(("stray.weight", t.shape, t.type.id, t.nbytes))
        elif t.name == Q_PROJ:
            tensors.append((t.name, (t.rows // 2, 2, t.columns), t.type.id, t.nbytes))
        else:
            tensors.append((t.name, t.shape, t.type.id, t.nbytes))
    header = build_header(list(file.entries.values()), tensors)
    data = header.data + good.read_bytes()[file.contents.data_start :]
    copy.write_bytes(data)
    problems = quantcli.verify(copy, model, jobs=1).problems
    assert problems == (
        "tensor output_norm.weight is missing",
        "tensor stray.weight should not be there",
        f"tensor {Q_PROJ} has shape (128, 2, 256), it should be (256, 256)",
    )


def test_another_type_than_the_preset_has_is_named(model: Path, tmp_path: Path) -> None:
    quantcli.convert(model, "Q5_K_M", tmp_path / "five.gguf", jobs=1)
    rewrite(tmp_path / "five.gguf", replaced("quantcli.preset", "Q4_K_M"))
    problems = quantcli.verify(tmp_path / "five.gguf", model, jobs=1).problems
    assert f"tensor {Q_PROJ} has type Q5_K, it should be Q4_K" in problems
    assert "key general.file_type is 17, it should be 15" in problems


# ----------------------------------------------------------------------------- layout and files
def test_padding_that_is_not_zero_is_found(copy: Path) -> None:
    file = GgufFile(copy)
    assert file.contents.header_end < file.contents.data_start
    patch(copy, file.contents.header_end, b"\1")
    assert "the padding after the header" in only_problem(copy, None)


def test_trailing_bytes_are_found(copy: Path) -> None:
    with copy.open("ab") as file:
        file.write(b"\0" * 100)
    assert "its tensors end at" in only_problem(copy, None)


def test_a_truncated_file_fails(copy: Path, model: Path) -> None:
    with copy.open("r+b") as file:
        file.truncate(copy.stat().st_size // 2)
    assert "its data ends at byte" in only_problem(copy, model)


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(ContainerError, match="No such file"):
        quantcli.verify(tmp_path / "no.gguf")


# -------------------------------------------------------------------------- files made elsewhere
def test_a_file_made_by_something_else_is_held_to_the_model_alone(copy: Path, model: Path) -> None:
    def foreign(entries: list[Metadata]) -> list[Metadata]:
        kept = [entry for entry in entries if not entry.key.startswith("quantcli.")]
        return [*replaced("general.name", "Else")(kept), Metadata("quantize.tool", "string", "x")]

    rewrite(copy, foreign)
    result = quantcli.verify(copy, model, jobs=1)
    assert result.passed, result.problems
    assert any("general.name is 'Else'" in note for note in result.notes)
    assert any(check.type == "Q4_K" for check in result.tensors)
    with pytest.raises(UsageError, match="made by this quantcli"):
        quantcli.verify(copy, model, exact=True)
    rewrite(copy, replaced("llama.block_count", 3))
    assert "llama.block_count is 3" in only_problem(copy, model)


def test_options_that_make_no_sense(copy: Path, model: Path) -> None:
    with pytest.raises(UsageError, match="needs the checkpoint"):
        quantcli.verify(copy, exact=True)
    rewrite(
        copy,
        lambda entries: [
            *entries,
            Metadata("split.no", "uint16", 0),
            Metadata("split.count", "uint16", 2),
        ],
    )
    with pytest.raises(UsageError, match="one of 2 shards"):
        quantcli.verify(copy, model)


# -------------------------------------------------------------------------------- command line
def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quantcli", "verify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_command_passes(good: Path, model: Path) -> None:
    done = run(good, "--against", model, "--jobs", 1)
    assert done.returncode == 0, done.stderr
    assert f"{good}: holds what {model} says" in done.stdout
    assert "Q4_K" in done.stdout
    assert run(good, "--quiet").stdout == ""


def test_the_command_fails_with_every_problem_on_stderr(copy: Path, model: Path) -> None:
    rewrite(copy, replaced("llama.block_count", 3))
    done = run(copy, "--against", model, "--jobs", 1)
    assert done.returncode == 1
    assert "does not pass, 1 problem:" in done.stderr
    assert "key llama.block_count is 3" in done.stderr
    record = run(copy, "--against", model, "--jobs", 1, "--json")
    assert record.returncode == 1
    assert json.loads(record.stdout)["passed"] is False


def test_the_command_refuses_what_is_not_there(tmp_path: Path) -> None:
    done = run(tmp_path / "no.gguf")
    assert done.returncode == 3
    assert "No such file" in done.stderr
