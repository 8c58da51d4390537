"""A real Dask scheduler and two worker processes on the loopback interface."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import SMALL, write_checkpoint

import quantcli
from quantcli import errors

PATIENCE = 90.0
PRESET = "Q4_K_M"
CONVERT = """
import sys, quantcli
from quantcli.errors import QuantcliError
from quantcli.execute import chunks
chunks._SMALLEST_BUNDLE = chunks._LARGEST_BUNDLE = 1 << 18
try:
    result = quantcli.convert(
        sys.argv[1], "Q4_K_M", sys.argv[2], engine=sys.argv[3], chunk_weights=1 << 16
    )
except QuantcliError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
print(result.resumed)
"""


class Cluster:
    """Processes, their logs, and where the scheduler says that it is."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        options = ["--port", "0", "--no-dashboard", "--scheduler-file", str(self.file)]
        self.scheduler = self._start("scheduler", *options)

    def _start(self, kind: str, *options: str, path: str = "") -> subprocess.Popen[bytes]:
        command = [str(Path(sys.executable).with_name("dask")), kind, "--host", "127.0.0.1"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        environment |= {"PYTHONPATH": path} if path else {}
        log = self.folder / f"{kind}{len(self.workers)}.log"
        with log.open("wb") as stream:
            return subprocess.Popen(
                [*command, *options], stdout=stream, stderr=stream, env=environment
            )

    def add_worker(self, path: str = "") -> subprocess.Popen[bytes]:
        """Start a worker and wait until it has found the scheduler."""
        log = self.folder / f"worker{len(self.workers)}.log"
        options = ["--scheduler-file", str(self.file), "--nthreads", "1", "--no-dashboard"]
        options += ["--no-nanny", "--local-directory", str(self.folder)]
        worker = self._start("worker", *options, path=path)
        self.workers.append(worker)
        wait_until(lambda: "Registered to" in log.read_text())
        return worker

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
        for process in (*self.workers, self.scheduler):
            process.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def cluster_of_two(folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(folder)
    try:
        for _ in range(2):
            cluster.add_worker()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_of_two(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "small", SMALL)


@pytest.fixture(scope="module")
def expected(model: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    output = tmp_path_factory.mktemp("expected") / "out.gguf"
    quantcli.convert(model, PRESET, output, jobs=2)
    return output.read_bytes()


def command(model: Path, output: Path, cluster: Cluster) -> list[str]:
    return [sys.executable, "-c", CONVERT, str(model), str(output), str(cluster.file)]


def lines(output: Path) -> int:
    journal = output.with_name(output.name + ".partial.journal")
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_cluster_writes_the_same_bytes_and_checks_them(
    model: Path, expected: bytes, cluster: Cluster, tmp_path: Path
) -> None:
    output = tmp_path / "out.gguf"
    done = subprocess.run(
        command(model, output, cluster), capture_output=True, text=True, check=True
    )
    assert done.stdout == "0\n"
    assert output.read_bytes() == expected
    assert names(tmp_path) == ["out.gguf"]
    start = [str(Path(sys.executable).with_name("quantcli")), "verify", str(output)]
    verify = [*start, "--against", str(model), "--engine", str(cluster.file)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    damaged = bytearray(expected)
    damaged[-4096:] = b"\x7f" * 4096
    output.write_bytes(damaged)
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "off by more than the type allows" in done.stderr


def test_a_second_run_of_the_same_workers_writes_its_own_file(
    model: Path, expected: bytes, cluster: Cluster, tmp_path: Path
) -> None:
    """Workers live on with files of the first run open; its name is taken by another file."""
    output = tmp_path / "out.gguf"
    for _ in range(2):
        subprocess.run(command(model, output, cluster), check=True, stdout=subprocess.DEVNULL)
        assert output.read_bytes() == expected
        output.unlink()


def test_a_coordinator_that_is_killed_goes_on_where_it_was(
    model: Path, expected: bytes, cluster: Cluster, tmp_path: Path
) -> None:
    output = tmp_path / "out.gguf"
    with subprocess.Popen(command(model, output, cluster)) as process:
        wait_until(lambda: lines(output) > 20)
        process.kill()
    assert not output.exists()
    done = subprocess.run(
        command(model, output, cluster), capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 10 << 16
    assert output.read_bytes() == expected
    assert names(tmp_path) == ["out.gguf"]


def test_a_coordinator_that_is_interrupted_says_how_far_it_came(
    model: Path, cluster: Cluster, tmp_path: Path
) -> None:
    output = tmp_path / "out.gguf"
    start = command(model, output, cluster)
    with subprocess.Popen(start, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: lines(output) > 20)
        process.send_signal(signal.SIGINT)
        text = process.communicate()[1]
    assert process.returncode == 130
    assert "what is done is kept" in text
    time.sleep(0.5)
    before = output.with_name("out.gguf.partial").stat().st_mtime_ns
    time.sleep(0.5)
    assert output.with_name("out.gguf.partial").stat().st_mtime_ns == before
    assert names(tmp_path) == ["out.gguf.partial", "out.gguf.partial.journal"]


def test_workers_of_another_version_are_refused(
    model: Path, cluster: Cluster, tmp_path: Path
) -> None:
    copy = tmp_path / "other"
    shutil.copytree(Path(errors.__file__).parent, copy / "quantcli")
    with (copy / "quantcli" / "errors.py").open("a") as file:
        file.write("\n# other sources\n")
    (tmp_path / "outputs").mkdir()
    output = tmp_path / "outputs" / "out.gguf"
    worker = cluster.add_worker(path=str(copy))
    try:
        done = subprocess.run(
            command(model, output, cluster), capture_output=True, text=True, check=False
        )
    finally:
        worker.terminate()
        worker.wait()
    assert done.returncode == 1
    assert "other sources of quantcli" in done.stderr
    assert "Traceback" not in done.stderr
    assert not output.exists()


@pytest.mark.parametrize("where", ["dask://127.0.0.1:1", "nothing.json"])
def test_no_scheduler_is_said(model: Path, tmp_path: Path, where: str) -> None:
    impatient = "from quantcli.workers import cluster\ncluster._PATIENCE = 1\n" + CONVERT
    arguments = [str(model), str(tmp_path / "out.gguf"), where]
    done = subprocess.run(
        [sys.executable, "-c", impatient, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "no scheduler answers" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_that_is_killed_loses_nothing(
    model: Path, expected: bytes, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    output = tmp_path / "out.gguf"
    with (
        cluster_of_two(tmp_path_factory.mktemp("short-lived")) as cluster,
        subprocess.Popen(
            command(model, output, cluster), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
    ):
        wait_until(lambda: lines(output) > 20)
        cluster.workers[0].kill()
        text = process.communicate(timeout=PATIENCE)[1]
        assert process.returncode == 0, text
    assert output.read_bytes() == expected
    assert names(tmp_path) == ["out.gguf"]
