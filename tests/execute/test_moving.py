"""Conversions that move bytes: done by threads, flushed in time, resumed from the storage."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny

import quantcli
from quantcli.app.plan import plan
from quantcli.errors import Interrupted, QuantcliError
from quantcli.execute import files, partial, task
from quantcli.execute.chunks import bundles, mostly_moves, split, weights
from quantcli.execute.moving import moves
from quantcli.workers.call import Call
from quantcli.workers.engine import drive, opened

CHUNK = 4096
JOURNAL = ".partial.journal"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    return tiny.write_tiny("llama", folder, size=tiny.WIDE, dtype="BF16", shards=2)


@pytest.fixture(scope="module")
def expected(model: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    output = tmp_path_factory.mktemp("expected") / "out.gguf"
    quantcli.convert(model, "BF16", output, jobs=1)
    return output.read_bytes()


def stop_at(share: float) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done >= share * total:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("preset, moved", [("BF16", True), ("F16", False), ("Q8_0", False)])
def test_what_mostly_moves(model: Path, preset: str, moved: bool) -> None:
    made = plan(model, preset)
    assert mostly_moves(made) == moved
    assert {step.name for step in made.steps if moves(step)} == {
        step.name for step in made.steps if step.type == "BF16" and len(step.shape) > 1
    }


def test_bundles_of_what_moves_are_larger(model: Path) -> None:
    moved, encoded = plan(model, "BF16"), plan(model, "Q8_0")
    for made, most in ((moved, 8), (encoded, 1)):
        chunks = split(made, CHUNK)
        largest = max(weights(made, chunk) for chunk in chunks)
        groups = bundles(made, chunks, range(len(chunks)), None)
        assert [number for group in groups for number in group] == list(range(len(chunks)))
        sizes = [sum(weights(made, chunks[number]) for number in group) for group in groups]
        assert most * largest >= max(sizes) > (most - 1) * largest / 2


def test_moving_needs_no_processes(
    model: Path, tmp_path: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_arguments: object) -> None:
        raise OSError("no processes here")

    threads = set()
    moved_rows = task.moved_rows

    def watched(*arguments: object) -> object:
        threads.add(threading.current_thread())
        return moved_rows(*arguments)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr("quantcli.workers.pipes.PipeExecutor", none)
    monkeypatch.setattr(task, "moved_rows", watched)
    output = tmp_path / "out.gguf"
    quantcli.convert(model, "BF16", output, jobs=3, chunk_weights=CHUNK)
    assert output.read_bytes() == expected
    assert threading.main_thread() not in threads
    with pytest.raises(QuantcliError, match="no processes here"):
        quantcli.convert(model, "Q8_0", tmp_path / "q.gguf", jobs=3, chunk_weights=CHUNK)


@pytest.mark.parametrize("jobs", [1, 3])
def test_an_interrupted_copy_goes_on(
    model: Path, tmp_path: Path, expected: bytes, jobs: int
) -> None:
    output = tmp_path / "out.gguf"
    options = {"jobs": jobs, "chunk_weights": CHUNK}
    with pytest.raises(Interrupted):
        quantcli.convert(model, "BF16", output, progress=stop_at(0.5), **options)
    assert quantcli.convert(model, "BF16", output, **options).resumed > 0
    assert output.read_bytes() == expected


def test_an_error_in_a_thread_ends_the_run() -> None:
    call = Call("os:getpid", b"")
    with (
        opened(None, jobs=2, calls=3, threads=True) as engine,
        pytest.raises(QuantcliError, match="none of quantcli's"),
    ):
        drive(engine, [call] * 3, lambda *_one: None)


def test_threads_that_cannot_be_started_are_said(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(QuantcliError, match="threads cannot be started") as caught:
        quantcli.convert(model, "BF16", tmp_path / "out.gguf", jobs=2, chunk_weights=CHUNK)
    assert caught.value.hint is not None
    assert "fewer" in caught.value.hint


# ------------------------------------------------------------------------------------- the storage
def test_all_that_is_written_is_flushed_on_the_way(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(partial, "_FLUSHED_AT_ONCE", 50_000)
    monkeypatch.setattr(partial, "start_flushing", lambda _file, at, size: asked.append((at, size)))
    output = tmp_path / "out.gguf"
    quantcli.convert(model, "BF16", output, jobs=1, chunk_weights=CHUNK)
    assert len(asked) > 3
    assert all(size >= 50_000 for _, size in asked)
    covered = np.zeros(output.stat().st_size, np.bool_)
    for at, size in asked:
        covered[at : at + size] = True
    assert np.count_nonzero(~covered) < 50_000 + len(plan(model, "BF16").header)


def test_flushing_on_the_way_is_a_hint_and_never_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(10_000))
    descriptor = os.open(path, os.O_RDWR)
    files.start_flushing(descriptor, 0, 10_000)
    os.close(descriptor)
    files.start_flushing(descriptor, 0, 10_000)


def test_what_is_resumed_is_read_from_the_storage_and_not_from_memory(
    model: Path, tmp_path: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a flush that failed, memory holds what the storage does not have."""
    output = tmp_path / "out.gguf"
    options = {"jobs": 1, "chunk_weights": CHUNK}
    with pytest.raises(Interrupted):
        quantcli.convert(model, "BF16", output, progress=stop_at(0.5), **options)
    calls: list[str] = []
    partial_inode = Path(f"{output}.partial").stat().st_ino

    def noted(name: str) -> Callable[..., object]:
        call = getattr(os, name)

        def noting(*arguments: object) -> object:
            if os.fstat(arguments[0]).st_ino == partial_inode:  # type: ignore[arg-type]  # a descriptor
                calls.append(name)
            return call(*arguments)

        return noting

    for name in ("fsync", "posix_fadvise", "pread", "pwrite"):
        monkeypatch.setattr(os, name, noted(name))
    quantcli.convert(model, "BF16", output, **options)
    assert calls[:3] == ["fsync", "posix_fadvise", "pread"]
    assert calls.index("pwrite") > calls.index("pread")
    assert output.read_bytes() == expected


def test_a_journal_of_an_older_version_is_not_gone_on_with(
    model: Path, tmp_path: Path, expected: bytes
) -> None:
    output = tmp_path / "out.gguf"
    options = {"jobs": 1, "chunk_weights": CHUNK}
    with pytest.raises(Interrupted):
        quantcli.convert(model, "BF16", output, progress=stop_at(0.5), **options)
    journal = Path(str(output) + JOURNAL)
    first, rest = journal.read_bytes().split(b"\n", 1)
    heading = json.loads(first)
    journal.write_bytes(
        json.dumps({**heading, "format": 2}, sort_keys=True).encode() + b"\n" + rest
    )
    assert heading["format"] > 2
    assert quantcli.convert(model, "BF16", output, **options).resumed == 0
    assert output.read_bytes() == expected


def test_no_write_is_longer_than_memory_is_easily_found_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    write = os.pwrite

    def noting(descriptor: int, data: memoryview, offset: int) -> int:
        sizes.append(len(data))
        return write(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", noting)
    content = np.random.default_rng(1).bytes(1_000_003)
    descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    files.write_at(descriptor, 17, content)
    os.close(descriptor)
    assert max(sizes) <= 32 << 10
    assert (tmp_path / "file").read_bytes() == bytes(17) + content
