"""What a machine can do to a conversion: it ends with a sentence, and goes on to the same bytes."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tiny

import quantcli
from quantcli.errors import Interrupted, OutputError, QuantcliError
from quantcli.execute import files
from quantcli.workers import pipes

MakeTiny = Callable[..., Path]
CHUNK = 4096
PATIENCE = 60.0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    return tiny.write_tiny("llama", folder, size=tiny.WIDE, dtype="BF16", shards=2)


@pytest.fixture(scope="module")
def expected(model: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    output = tmp_path_factory.mktemp("expected") / "out.gguf"
    quantcli.convert(model, "Q4_K_M", output, jobs=1)
    return output.read_bytes()


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "outputs").mkdir()
    return tmp_path / "outputs" / "out.gguf"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _found(program: str) -> list[str]:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"there is no {program} here")
    return [path]


def command(model: Path, output: Path, *options: object) -> list[str]:
    start = [str(Path(sys.executable).with_name("quantcli")), "convert", str(model)]
    rest = ["-t", "Q4_K_M", "-o", str(output), "--chunk-weights", str(CHUNK)]
    return [*start, *rest, *map(str, options)]


def run(
    model: Path, output: Path, *options: object, limit: tuple[int, int] | None = None
) -> subprocess.CompletedProcess[str]:
    """Convert in a process of its own, under a limit of the system's if one is given."""
    low = (
        {}
        if limit is None
        else {"preexec_fn": lambda: resource.setrlimit(limit[0], (limit[1],) * 2)}
    )
    return subprocess.run(  # type: ignore[call-overload]  # keywords from a dict
        command(model, output, *options),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        **low,
    )


def goes_on(model: Path, output: Path, expected: bytes) -> int:
    """Finish a conversion that was stopped, and return how many weights it took over."""
    result = quantcli.convert(model, "Q4_K_M", output, jobs=1, chunk_weights=CHUNK)
    assert output.read_bytes() == expected
    assert names(output.parent) == [output.name]
    return result.resumed


# ------------------------------------------------------------------------------- the storage
@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount file systems in memory in a private folder."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        done = subprocess.run(
            [*_found("mount"), "-t", "tmpfs", "-o", options, "none", str(folder)],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip("file systems are mounted by root")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run([*_found("umount"), "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_space_is_said_before_it_runs_out(
    model: Path, small_disk: Callable[[str], Path], jobs: int
) -> None:
    disk = small_disk("size=512k")
    done = run(model, disk / "out.gguf", "--jobs", jobs)
    assert done.returncode == 4
    assert "bytes are needed and" in done.stderr
    assert names(disk) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_space_that_runs_out_meanwhile_keeps_what_is_done(
    model: Path, small_disk: Callable[[str], Path], expected: bytes, jobs: int
) -> None:
    disk = small_disk(f"size={len(expected) + (256 << 10)}")
    output = disk / "out.gguf"
    filler = disk / "filler"

    def fill(_done: int, _total: int) -> None:
        if not filler.exists():
            filler.write_bytes(b"x" * (len(expected) // 2))

    with pytest.raises(OutputError, match="no space left"):
        quantcli.convert(model, "Q4_K_M", output, jobs=jobs, chunk_weights=CHUNK, progress=fill)
    assert not output.exists()
    filler.unlink()
    assert goes_on(model, output, expected) > 0


def test_no_inodes(model: Path, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("size=64m,nr_inodes=3")
    done = run(model, disk / "out.gguf")
    assert done.returncode == 4
    assert "cannot be written: No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(disk) == []


def test_a_folder_that_cannot_be_written(model: Path, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("size=64m,ro")
    for output in (disk / "out.gguf", disk / "deeper" / "out.gguf"):
        done = run(model, output)
        assert done.returncode == 4
        assert "Read-only file system" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("size", [0, 100_000])
def test_a_limit_on_the_size_of_files(
    model: Path, output: Path, expected: bytes, jobs: int, size: int
) -> None:
    done = run(model, output, "--jobs", jobs, limit=(resource.RLIMIT_FSIZE, size))
    assert done.returncode == 4
    assert "larger than it may be here" in done.stderr
    assert "Traceback" not in done.stderr
    assert not output.exists()
    goes_on(model, output, expected)


class Faulty:
    """A system call that fails now and then."""

    def __init__(self, call: Callable[..., int], number: int, after: int) -> None:
        self.call, self.number, self.left = call, number, after

    def __call__(self, *arguments: object) -> int:
        self.left -= 1
        if self.left < 0:
            raise OSError(self.number, os.strerror(self.number))
        return self.call(*arguments)


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("after", [0, 1, 2, 3, 40])
def test_writing_that_fails(
    model: Path,
    output: Path,
    expected: bytes,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    after: int,
) -> None:
    monkeypatch.setattr(files.os, "pwrite", Faulty(os.pwrite, number, after))
    text = "no space left" if number in {errno.ENOSPC, errno.EDQUOT} else os.strerror(number)
    with pytest.raises(OutputError, match=text):
        quantcli.convert(model, "Q4_K_M", output, jobs=1, chunk_weights=CHUNK)
    monkeypatch.undo()
    assert not output.exists()
    assert (goes_on(model, output, expected) > 0) == (after == 40)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_publishing_that_fails(
    model: Path, output: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    home = files.os if call == "fsync" else Path
    replace = Path.replace
    if call == "replace":  # of the partial file; that of the journal is another one
        monkeypatch.setattr(
            home,
            call,
            lambda path, to: fail() if path.name.endswith(".partial") else replace(path, to),
        )
    else:
        monkeypatch.setattr(home, call, fail)
    with pytest.raises(OutputError, match="Input/output error"):
        quantcli.convert(model, "Q4_K_M", output, jobs=1, chunk_weights=CHUNK)
    monkeypatch.undo()
    assert not output.exists()
    assert goes_on(model, output, expected) > 0


@pytest.mark.parametrize("after", [0, 1, 40])
def test_reading_that_fails_keeps_what_is_done(
    model: Path, output: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(files.os, "preadv", Faulty(os.preadv, errno.EIO, after))
    with pytest.raises(QuantcliError, match=r"model-.*cannot be read at byte .*Input/output error"):
        quantcli.convert(model, "Q4_K_M", output, jobs=1, chunk_weights=CHUNK)
    monkeypatch.undo()
    assert not output.exists()
    assert goes_on(model, output, expected) >= after * CHUNK / 2


def test_short_reads_and_writes_are_gone_on_with(
    model: Path, output: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite, preadv = os.pwrite, os.preadv
    monkeypatch.setattr(files.os, "pwrite", lambda fd, data, at: pwrite(fd, data[:1000], at))
    monkeypatch.setattr(files.os, "preadv", lambda fd, to, at: preadv(fd, [to[0][:1000]], at))
    quantcli.convert(model, "Q4_K_M", output, jobs=1)
    assert output.read_bytes() == expected


# ------------------------------------------------------------------------------- the process
@pytest.mark.parametrize("jobs", [1, 2])
def test_too_few_descriptors(model: Path, output: Path, expected: bytes, jobs: int) -> None:
    sizes = (5, 8, 10, 12, 14)  # with fewer the interpreter itself does not start
    ended = {
        size: run(model, output, "--jobs", jobs, limit=(resource.RLIMIT_NOFILE, size))
        for size in sizes
    }
    for size, done in ended.items():
        assert "Traceback" not in done.stderr, size
        assert done.returncode in {0, 1, 3, 4}, size
        assert done.returncode == 0 or "error: " in done.stderr, size
    assert ended[5].returncode != 0
    output.unlink(missing_ok=True)
    goes_on(model, output, expected)


def test_many_shards_need_few_descriptors(make_tiny: MakeTiny, output: Path) -> None:
    model = make_tiny("llama", shards=20)
    done = run(model, output, limit=(resource.RLIMIT_NOFILE, 30))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("megabytes", [90, 130, 200, 300])
def test_too_little_memory(
    model: Path, output: Path, expected: bytes, jobs: int, megabytes: int
) -> None:
    done = run(model, output, "--jobs", jobs, limit=(resource.RLIMIT_AS, megabytes << 20))
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or not output.exists()
    output.unlink(missing_ok=True)
    goes_on(model, output, expected)


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], Callable[[int, int], None]]:
    """Return a progress callback that sends a signal to one worker, once some chunks are done."""
    executors: list[pipes.PipeExecutor] = []
    start = pipes.PipeExecutor.__init__

    def watched(self: pipes.PipeExecutor, *arguments: object) -> None:
        executors.append(self)
        start(self, *arguments)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(pipes.PipeExecutor, "__init__", watched)

    def make(number: int, times: int) -> Callable[[int, int], None]:
        sent: list[int] = []
        since = [0]

        def progress(_done: int, _total: int) -> None:
            # Not before the last one's loss was noticed, and its work done by another.
            there = executors[-1].pids if executors else ()
            since[0] = 0 if set(sent) & set(there) else since[0] + 1
            if there and since[0] >= 30 and len(sent) < times:
                sent.append(there[0])
                os.kill(there[0], number)

        return progress

    return make


@pytest.mark.parametrize("times", [1, 2, 3])
def test_workers_that_are_killed_lose_nothing(
    model: Path,
    output: Path,
    expected: bytes,
    kills: Callable[[int, int], Callable[[int, int], None]],
    times: int,
) -> None:
    """As the out-of-memory killer does it."""
    progress = kills(signal.SIGKILL, times)
    told: list[str] = []
    result = quantcli.convert(
        *(model, "Q4_K_M", output),
        jobs=2,
        chunk_weights=CHUNK,
        progress=progress,
        on_note=told.append,
    )
    assert output.read_bytes() == expected
    assert set(told) <= set(result.notes)
    assert len(told) == times
    assert all("was killed (out of memory?); the work goes on with 1" in note for note in told)


def test_a_stopped_worker_is_replaced(
    model: Path,
    output: Path,
    expected: bytes,
    kills: Callable[[int, int], Callable[[int, int], None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipes, "_LOOK", 0.05)
    result = quantcli.convert(
        model, "Q4_K_M", output, jobs=2, chunk_weights=CHUNK, progress=kills(signal.SIGSTOP, 1)
    )
    assert output.read_bytes() == expected
    assert any("was stopped and did not go on" in note for note in result.notes)


# ------------------------------------------------------------------------- signals and streams
def catches_signals(process: subprocess.Popen[str]) -> bool:
    """Return whether the command has begun to look after signals (or has ended)."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return True
    caught = next((line for line in status.splitlines() if line.startswith("SigCgt")), "SigCgt 0")
    mask = int(caught.split()[1], 16)
    return bool(mask >> (signal.SIGTERM - 1) & 1) or process.poll() is not None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("delay", [0.0, 0.2, 0.5])
def test_signals_at_every_phase(
    model: Path, output: Path, expected: bytes, number: int, delay: float
) -> None:
    """Five in a row, to the whole group."""
    process = subprocess.Popen(
        command(model, output, "--jobs", 2),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not catches_signals(process):
        time.sleep(0.001)
    time.sleep(delay)
    for _ in range(5):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
    _, text = process.communicate(timeout=PATIENCE)
    assert process.returncode in {0, 130}, text
    assert "Traceback" not in text
    assert "Exception" not in text
    assert output.exists() == (process.returncode == 0)
    assert "out.gguf.lock" not in names(output.parent)
    output.unlink(missing_ok=True)
    goes_on(model, output, expected)


def test_a_hangup_that_is_to_be_ignored_is_ignored(
    model: Path, output: Path, expected: bytes
) -> None:
    process = subprocess.Popen(
        [*_found("nohup"), *command(model, output, "--jobs", 2)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    while process.poll() is None:
        process.send_signal(signal.SIGHUP) if catches_signals(process) else None
        time.sleep(0.01)
    assert process.returncode == 0
    assert output.read_bytes() == expected


def test_an_interruption_in_the_calling_process(model: Path, output: Path, expected: bytes) -> None:
    for jobs in (1, 2):
        calls = iter(range(1000))

        def stop(_done: int, _total: int, calls: Iterator[int] = calls) -> None:
            if next(calls) == 20:
                signal.raise_signal(signal.SIGINT)

        with pytest.raises(Interrupted, match="what is done is kept"):
            quantcli.convert(model, "Q4_K_M", output, jobs=jobs, chunk_weights=CHUNK, progress=stop)
    assert goes_on(model, output, expected) > 15 * CHUNK


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_streams_that_are_closed_or_full_fail_no_conversion(
    model: Path, output: Path, expected: bytes, closed: str
) -> None:
    quoted = " ".join(f"'{word}'" for word in command(model, output, "--jobs", 2, "--quiet"))
    done = subprocess.run(
        [*_found("sh"), "-c", f"exec {quoted} {closed}"], check=False, capture_output=True
    )
    assert b"Traceback" not in done.stderr
    assert output.read_bytes() == expected
    assert done.returncode == 0
    assert names(output.parent) == ["out.gguf"]


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "full"), ValueError("closed")])
def test_progress_that_cannot_be_shown_fails_no_conversion(
    model: Path, output: Path, expected: bytes, error: Exception
) -> None:
    def show(*_arguments: object) -> None:
        raise error

    for jobs in (1, 2):
        quantcli.convert(model, "Q4_K_M", output, jobs=jobs, progress=show, force=True)
        assert output.read_bytes() == expected
