"""Source files that change while they are converted, and outputs compared with their sources."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import quantcli
from quantcli.errors import CheckpointError, InputError, Interrupted, OutputError

MakeTiny = Callable[..., Path]
WEIGHTS = "model.safetensors"


@pytest.fixture
def model(make_tiny: MakeTiny) -> Path:
    return make_tiny("llama")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "outputs").mkdir()
    return tmp_path / "outputs" / "out.gguf"


def convert(model: Path, output: Path, **options: object) -> object:
    options = {"jobs": 1, "chunk_weights": 3000, **options}
    return quantcli.convert(model, "Q8_0", output, **options)


def once(action: Callable[[], object]) -> Callable[[int, int], None]:
    done: list[bool] = []

    def progress(_done: int, _total: int) -> None:
        if not done:
            done.append(True)
            action()

    return progress


def negate(path: Path) -> None:
    """Change weights and leave the header, the size and the time of modification as they are."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(int.from_bytes(file.read(8), "little") + 8)
        data = bytearray(file.read())
        data[1::2] = bytes(byte ^ 0x80 for byte in data[1::2])
        file.seek(-len(data), os.SEEK_END)
        file.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def exchange(path: Path) -> None:
    """Put a copy with all its times in its place."""
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    copy.replace(path)


CHANGES = {
    "weights": (lambda model: negate(model / WEIGHTS), "another time of change"),
    "touched": (lambda model: os.utime(model / WEIGHTS), "another time of modification"),
    "exchanged": (lambda model: exchange(model / WEIGHTS), "another file of that name"),
    "config": (lambda model: exchange(model / "config.json"), "another file of that name"),
    "gone": (lambda model: (model / "config.json").unlink(), "No such file"),
}


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("change", CHANGES)
def test_a_source_that_changes_ends_the_conversion(
    model: Path, output: Path, change: str, jobs: int
) -> None:
    action, text = CHANGES[change]
    name = "config.json" if change in {"config", "gone"} else WEIGHTS
    with pytest.raises(InputError, match=rf"(?s)changed while .*{name}: .*{text}"):
        convert(model, output, jobs=jobs, progress=once(lambda: action(model)))
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_source_that_shrinks_ends_in_a_sentence(model: Path, output: Path, jobs: int) -> None:
    with pytest.raises(CheckpointError, match=r"needs bytes up to|another size"):
        convert(model, output, jobs=jobs, progress=once(lambda: os.truncate(model / WEIGHTS, 5000)))
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize("change", ["weights", "touched", "exchanged"])
def test_what_was_made_of_other_sources_is_not_gone_on_with(
    model: Path, output: Path, change: str
) -> None:
    stops = iter(range(100))

    def stop(_done: int, _total: int) -> None:
        if next(stops) == 20:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        convert(model, output, progress=stop)
    partial = output.with_name("out.gguf.partial")
    old = partial.stat().st_ino
    with partial.open("rb") as still_open:
        CHANGES[change][0](model)
        assert getattr(convert(model, output), "resumed") == 0  # noqa: B009 - typed as object
        assert output.stat().st_ino != old == os.fstat(still_open.fileno()).st_ino
    fresh = output.with_name("fresh.gguf")
    convert(model, fresh)
    assert output.read_bytes() == fresh.read_bytes()


# ------------------------------------------------------------------------ --skip-existing=verify
def test_contents_are_compared_where_times_say_nothing(model: Path, output: Path) -> None:
    convert(model, output)
    later = output.stat().st_mtime_ns + 10**9
    os.utime(model / WEIGHTS, ns=(later, later))
    inode = output.stat().st_ino
    assert getattr(convert(model, output, skip_existing="verify"), "skipped")  # noqa: B009 - as above
    assert output.stat().st_ino == inode
    assert not getattr(convert(model, output, skip_existing=True), "skipped")  # noqa: B009 - as above


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_single_bit_makes_another_file(model: Path, output: Path, jobs: int) -> None:
    convert(model, output)
    whole = output.read_bytes()
    later = output.stat().st_mtime_ns + 10**9
    for place in (len(whole) // 2, len(whole) - 33):  # with another header it is not ours
        output.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        os.utime(output, ns=(later, later))
        result = convert(model, output, skip_existing="verify", jobs=jobs)
        assert not getattr(result, "skipped"), place  # noqa: B009 - as above
        assert output.read_bytes() == whole


def test_a_damaged_header_makes_a_file_nobody_s_which_is_left_alone(
    model: Path, output: Path
) -> None:
    convert(model, output)
    whole = output.read_bytes()
    place = whole.index(b"quantcli.version")
    damaged = whole[:place] + b"Q" + whole[place + 1 :]
    output.write_bytes(damaged)
    with pytest.raises(OutputError, match="was not made by quantcli"):
        convert(model, output, skip_existing="verify")
    assert output.read_bytes() == damaged


# --------------------------------------------------------------------------- rows that only move
BF16 = np.dtype("<u2")


@pytest.mark.parametrize("kind", ["BF16", "F16", "F32"])
@pytest.mark.parametrize("name", ["llama", "qwen2"])
def test_copied_rows_are_what_encoding_gives(
    make_tiny: MakeTiny, output: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    from quantcli.execute import task

    model = make_tiny(name, dtype=kind)
    copied, copy = [], task.moved_rows

    def watched(*arguments: object) -> object:
        data = copy(*arguments)  # type: ignore[arg-type]  # passed on as they are
        copied.append(data is not None)
        return data

    options = {"jobs": 1, "chunk_weights": 1000}
    monkeypatch.setattr(task, "moved_rows", watched)
    quantcli.convert(model, kind, output, **options)
    assert sum(copied) > len(copied) / 2
    monkeypatch.setattr(task, "moved_rows", lambda *_arguments: None)
    encoded = output.with_name("encoded.gguf")
    quantcli.convert(model, kind, encoded, **options)
    assert output.read_bytes() == encoded.read_bytes()


def test_copying_does_not_let_nonfinite_weights_by(make_tiny: MakeTiny, output: Path) -> None:
    model = make_tiny("llama", dtype="BF16")
    name = "model.layers.1.mlp.up_proj.weight"
    tensors = load_file(model / WEIGHTS)
    bits = tensors[name].view(BF16)
    bits[3, 5], bits[4, 6], bits[5, 7] = 0x7F81, 0xFF80, 0xFFC1  # signalling, infinite, quiet
    save_file(tensors, model / WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"3 weights that are NaN or infinite .*row 3, column 5"):
        quantcli.convert(model, "BF16", output, jobs=1)
    quantcli.convert(model, "BF16", output, jobs=1, allow_nonfinite=True)
    from gguf import GGUFReader

    tensor = next(t for t in GGUFReader(output).tensors if t.name == "blk.1.ffn_up.weight")
    found = np.asarray(tensor.data).view(BF16).reshape(bits.shape)
    assert [hex(found[i, i + 2]) for i in (3, 4, 5)] == ["0x7fc1", "0xff80", "0xffc1"]
