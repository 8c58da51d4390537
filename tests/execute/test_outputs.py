"""What may become an output, who may write it, and what lies beside it meanwhile."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import quantcli
from quantcli.errors import OutputError
from quantcli.execute import files, lock
from quantcli.execute.lock import held

MakeTiny = Callable[..., Path]
SIDE_FILES = ("out.gguf.partial", "out.gguf.partial.journal", "out.gguf.lock")
PATIENCE = 60.0


@pytest.fixture
def model(make_tiny: MakeTiny) -> Path:
    return make_tiny("llama")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "outputs").mkdir()
    return tmp_path / "outputs" / "out.gguf"


def convert(model: Path, output: Path, **options: object) -> quantcli.app.convert.Conversion:  # type: ignore[name-defined]  # imported by the call
    options = {"jobs": 1, "chunk_weights": 3000, **options}
    return quantcli.convert(model, "Q8_0", output, **options)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make_special(path: Path, kind: str) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "socket":
        folder = Path.cwd()
        os.chdir(path.parent)  # a socket's path has at most 107 bytes
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
        os.chdir(folder)
    elif kind == "link":
        path.symlink_to("elsewhere")
    else:
        try:
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("devices are made by root")


@pytest.mark.parametrize("options", [{}, {"force": True}, {"skip_existing": True}])
@pytest.mark.parametrize("kind", ["FIFO", "socket", "link", "device"])
def test_an_output_that_is_no_file_is_refused_before_anything_is_read(
    tmp_path: Path, output: Path, kind: str, options: dict[str, bool]
) -> None:
    make_special(output, kind)
    before = output.lstat()
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"not to be read")
    with pytest.raises(OutputError, match=f"is a {kind}, not a file"):
        convert(model, output, **options)
    after = output.lstat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert names(output.parent) == ["out.gguf"]


def test_a_folder_of_the_output_s_name_is_left_alone(model: Path, output: Path) -> None:
    """A folder is where the output goes; one that has the output's own name there is refused."""
    inside = output / f"{model.name}-Q8_0.gguf"
    inside.mkdir(parents=True)
    with pytest.raises(OutputError, match="is a folder, not a file"):
        convert(model, output, force=True)
    assert names(output) == [inside.name]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
@pytest.mark.parametrize("way", ["itself", "a second name", "a path around"])
def test_a_source_is_no_output(model: Path, output: Path, name: str, way: str) -> None:
    source, target = model / name, model / name
    before = source.read_bytes()
    if way == "a second name":
        output.hardlink_to(source)
        target = output
    elif way == "a path around":
        target = model / ".." / model.name / name
    with pytest.raises(OutputError, match=f"is {name} of the model itself"):
        convert(model, target, force=True)
    assert source.read_bytes() == before
    assert not [path for path in model.iterdir() if path.name.startswith(f"{name}.")]


def test_an_output_in_the_model_s_folder_is_replaced(model: Path) -> None:
    convert(model, model / "out.gguf")
    convert(model, model / "out.gguf", force=True)
    with pytest.raises(OutputError, match="exists already"):
        convert(model, model / "out.gguf")


@pytest.mark.parametrize("kind", ["FIFO", "socket", "link", "folder", "device"])
@pytest.mark.parametrize("name", SIDE_FILES)
def test_what_lies_where_a_side_file_belongs_is_left_alone(
    model: Path, output: Path, name: str, kind: str
) -> None:
    victim = output.parent / "elsewhere"
    victim.write_text("precious")
    make_special(output.parent / name, kind)
    with pytest.raises(OutputError, match=f"is a {kind}, not a file that quantcli made"):
        convert(model, output)
    assert victim.read_text() == "precious"
    assert names(output.parent) == sorted(["elsewhere", name])


@pytest.mark.parametrize("name", SIDE_FILES)
def test_a_file_with_a_second_name_is_left_alone(model: Path, output: Path, name: str) -> None:
    victim = output.parent / "victim"
    victim.write_text("precious")
    (output.parent / name).hardlink_to(victim)
    with pytest.raises(OutputError, match="a file with a second name"):
        convert(model, output)
    assert victim.read_text() == "precious"


def test_another_user_s_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("theirs")
    try:
        os.chown(path, 12345, -1)
    except PermissionError:
        pytest.skip("files are given away by root")
    with pytest.raises(OutputError, match="a file of another user"):
        files.open_existing(path)


def test_a_link_that_takes_a_file_s_place_at_the_last_moment_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, victim = tmp_path / "file", tmp_path / "victim"
    victim.write_text("precious")
    path.symlink_to(victim)
    monkeypatch.setattr(files, "kind", lambda _status: None)  # as if it had been a file just now
    with pytest.raises(OutputError, match="cannot be written"):
        files.open_existing(path)
    with pytest.raises(OutputError, match="cannot be written: File exists"):
        files.create(path)


def test_files_never_take_the_number_of_a_standard_stream(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from quantcli.execute import files\n"
        "os.close(0); os.close(1); os.close(2)\n"
        "numbers = [files.create(Path(sys.argv[1])), files.open_existing(Path(sys.argv[1]))]\n"
        "sys.exit(0 if min(numbers) > 2 else 1)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "file")]
    assert subprocess.run(command, check=False).returncode == 0


def test_a_replaced_file_passes_on_its_permissions_and_owner(model: Path, output: Path) -> None:
    convert(model, output)
    output.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(output, 12345, 12346)
    before = output.stat()
    convert(model, output, force=True)
    after = output.stat()
    assert after.st_ino != before.st_ino
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        *(before.st_mode, before.st_uid, before.st_gid),
    )


def test_a_partial_file_of_something_else_is_replaced_and_not_written_into(
    model: Path, output: Path
) -> None:
    partial = output.with_name("out.gguf.partial")
    partial.write_bytes(b"x" * 100)
    with partial.open("rb") as old:
        convert(model, output)
        assert os.fstat(old.fileno()).st_nlink == 0
        assert old.read() == b"x" * 100


def test_a_partial_file_that_is_exchanged_meanwhile_is_not_published(
    model: Path, output: Path
) -> None:
    partial = output.with_name("out.gguf.partial")
    seen = []

    def exchange(_done: int, _total: int) -> None:
        if not seen:
            partial.unlink()
            partial.write_bytes(b"another")
        seen.append(True)

    with pytest.raises(OutputError, match="is not the file that this run has begun"):
        convert(model, output, progress=exchange)
    assert not output.exists()


# ---------------------------------------------------------------------------------- the lock
def in_thread(target: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_who_comes_second_waits_and_says_for_what(tmp_path: Path) -> None:
    output, told, order = tmp_path / "out.gguf", [], []

    def second() -> None:
        with held(output, told.append):
            order.append("second")

    with held(output, told.append):
        thread = in_thread(second)
        wait_until(lambda: bool(told))
        order.append("first")
    thread.join(PATIENCE)
    assert order == ["first", "second"]
    assert told == [
        f"waiting for process {os.getpid()} on {os.uname().nodename}, which writes {output}"
    ]
    assert names(tmp_path) == []


def test_a_lock_is_held_by_one_at_a_time_whatever_becomes_of_its_file(tmp_path: Path) -> None:
    output, inside, most = tmp_path / "out.gguf", [], []

    def many() -> None:
        for _ in range(40):
            with held(output, lambda _text: None):
                inside.append(True)
                most.append(len(inside))
                inside.pop()

    threads = [in_thread(many) for _ in range(4)]
    for thread in threads:
        thread.join(PATIENCE)
    assert most == [1] * 160


def test_a_lock_left_behind_by_a_killed_process_is_taken_over(model: Path, output: Path) -> None:
    output.with_name("out.gguf.lock").write_text("process 1 on elsewhere")
    convert(model, output)
    assert names(output.parent) == ["out.gguf"]


def test_without_locks_the_file_that_was_made_is_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock.fcntl, "flock", unsupported)
    output = tmp_path / "out.gguf"
    with (
        held(output, pytest.fail),
        pytest.raises(OutputError, match=rf"has no locks, and process {os.getpid()} .* has left"),
        held(output, pytest.fail),
    ):
        pass
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "options,outcome",
    [({}, "exists already"), ({"skip_existing": True}, "skipped"), ({"force": True}, "written")],
)
def test_what_is_there_is_judged_again_once_the_lock_is_held(
    model: Path, output: Path, options: dict[str, bool], outcome: str
) -> None:
    other = output.with_name("other.gguf")
    convert(model, other)
    descriptor = os.open(output.with_name("out.gguf.lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    told: list[str] = []
    results: list[object] = []

    def second() -> None:
        try:
            results.append(convert(model, output, on_note=told.append, **options))
        except OutputError as error:
            results.append(error)

    thread = in_thread(second)
    wait_until(lambda: bool(told))
    other.rename(output)  # the first one is done
    inode = output.stat().st_ino
    output.with_name("out.gguf.lock").unlink()
    os.close(descriptor)
    thread.join(PATIENCE)
    assert (output.stat().st_ino == inode) == (outcome != "written")
    if outcome == "exists already":
        assert outcome in str(results[0])
    else:
        assert getattr(results[0], "skipped") == (outcome == "skipped")  # noqa: B009 - an error has none
    assert names(output.parent) == ["out.gguf"]
