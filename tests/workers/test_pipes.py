"""The executor over pipes: what becomes of calls, whatever becomes of workers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import calls
import pytest

from quantcli.errors import QuantcliError
from quantcli.workers import pipes
from quantcli.workers.pipes import PipeExecutor

HERE = str(Path(__file__).parent)
PATIENCE = 60.0


@pytest.fixture
def lost() -> list[str]:
    return []


@pytest.fixture
def two(lost: list[str]) -> Iterator[PipeExecutor]:
    executor = PipeExecutor(2, (HERE,), lost.append)
    yield executor
    executor.kill()


def results(futures: list[Future[Any]]) -> list[Any]:
    return [future.result(PATIENCE) for future in futures]


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"process {pid} does not end"
        time.sleep(0.01)


def test_results_come_back_from_other_processes(two: PipeExecutor) -> None:
    assert results([two.submit(calls.add, i, 1) for i in range(50)]) == list(range(1, 51))
    assert set(results([two.submit(calls.sleep, 0.05) for _ in range(6)])) == set(two.pids)
    assert os.getpid() not in two.pids


def test_what_goes_wrong_in_a_call_is_said_and_the_worker_goes_on(
    two: PipeExecutor, lost: list[str]
) -> None:
    before = two.pids
    with pytest.raises(QuantcliError, match="ValueError: such a text"):
        two.submit(calls.fail, "such a text").result(PATIENCE)
    with pytest.raises(QuantcliError, match="MemoryError"):
        two.submit(calls.exhaust).result(PATIENCE)
    assert two.submit(calls.add, 1, 1).result(PATIENCE) == 2
    assert (two.pids, lost) == (before, [])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGBUS])
def test_the_call_of_a_worker_that_dies_runs_again(
    two: PipeExecutor, lost: list[str], tmp_path: Path, number: int
) -> None:
    futures = [two.submit(calls.die_once, str(tmp_path / "died"), number)]
    futures += [two.submit(calls.add, i, 0) for i in range(20)]
    assert results(futures) == ["done", *range(20)]
    assert len(two.pids) == 1
    assert len(lost) == 1
    assert lost[0].endswith("the work goes on with 1")
    assert ("out of memory?" if number == signal.SIGKILL else "SIGBUS") in lost[0]


def test_the_last_worker_is_replaced(lost: list[str], tmp_path: Path) -> None:
    executor = PipeExecutor(1, (HERE,), lost.append)
    first = executor.pids
    assert (
        executor.submit(calls.die_once, str(tmp_path / "died"), signal.SIGKILL).result() == "done"
    )
    assert len(executor.pids) == 1
    assert executor.pids != first
    executor.kill()


def test_a_call_that_takes_three_workers_with_it_is_given_up(
    two: PipeExecutor, lost: list[str]
) -> None:
    future = two.submit(calls.die)
    after = two.submit(calls.add, 1, 1)
    with pytest.raises(QuantcliError, match=r"was killed .* and so did two others") as caught:
        future.result(PATIENCE)
    assert "fewer `jobs`" in str(caught.value)
    assert after.result(PATIENCE) == 2
    assert len(lost) == 2


@pytest.mark.parametrize("seed", range(8))
def test_every_call_ends_whichever_workers_are_killed_and_when(seed: int) -> None:
    choose = random.Random(seed)
    executor = PipeExecutor(choose.choice((1, 2, 3)), (HERE,))
    over = threading.Event()

    def kill() -> None:
        while not over.wait(choose.uniform(0, 0.05)):
            for pid in executor.pids[:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    futures = [executor.submit(calls.sleep, choose.uniform(0, 0.02)) for _ in range(12)]
    if seed % 2:
        threading.Thread(target=executor.shutdown).start()
    errors = [str(future.exception(PATIENCE)) for future in futures]
    over.set()
    killer.join()
    executor.kill()
    assert all(error == "None" or "so did two others" in error for error in errors), errors
    assert executor.pids == ()


def test_a_worker_that_stays_stopped_is_replaced(
    two: PipeExecutor, lost: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipes, "_LOOK", 0.05)
    stopped = two.submit(calls.pid).result(PATIENCE)
    os.kill(stopped, signal.SIGSTOP)
    assert stopped not in results([two.submit(calls.sleep, 0.02) for _ in range(4)])
    assert "was stopped and did not go on" in lost[0]


def test_a_worker_that_goes_on_soon_is_waited_for(
    two: PipeExecutor, lost: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipes, "_LOOK", 0.2)
    futures = [two.submit(calls.sleep, 0.3) for _ in range(2)]
    time.sleep(0.1)
    for pid in two.pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(0.4)
    for pid in two.pids:
        os.kill(pid, signal.SIGCONT)
    assert set(results(futures)) == set(two.pids)
    assert lost == []


def test_cancelled_calls_are_not_begun(two: PipeExecutor) -> None:
    futures = [two.submit(calls.sleep, 0.2) for _ in range(8)]
    two.shutdown(cancel_futures=True)
    assert any(future.cancelled() for future in futures)
    assert all(future.done() for future in futures)
    with pytest.raises(RuntimeError, match="shut down"):
        two.submit(calls.pid)


def test_what_was_submitted_is_done_before_the_end(two: PipeExecutor) -> None:
    futures = [two.submit(calls.add, i, i) for i in range(20)]
    two.shutdown()
    assert results(futures) == [2 * i for i in range(20)]
    assert two.pids == ()


def test_workers_leave_signals_to_the_process_that_started_them(two: PipeExecutor) -> None:
    future = two.submit(calls.sleep, 0.3)
    for pid in two.pids:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, number)
    assert future.result(PATIENCE) in two.pids


PARENT = """
import sys, time
sys.path.insert(0, sys.argv[1])
import calls
from quantcli.workers.pipes import PipeExecutor
executor = PipeExecutor(2, (sys.argv[1],))
for pid in executor.pids:
    print(pid)
print("", flush=True)
executor.submit(calls.add, 1, 1).result()
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_the_process_that_started_them(number: int) -> None:
    command = [sys.executable, "-c", PARENT, HERE]  # without a main guard, and from a string
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(line) for line in iter(parent.stdout.readline, "\n")]
        assert len(pids) == 2
        parent.send_signal(number)
        parent.wait(PATIENCE)
    for pid in pids:
        wait_for_end(pid)


def test_what_workers_print_or_read_does_not_get_between_their_answers(
    tmp_path: Path,
) -> None:
    code = PARENT.replace("add, 1, 1).result()", "chatter).result()").replace("600", "0")
    with (tmp_path / "errors").open("w+") as errors:
        done = subprocess.run(
            [sys.executable, "-c", code, HERE], stdout=subprocess.PIPE, stderr=errors, check=True
        )
    assert b"noise" not in done.stdout
    assert (tmp_path / "errors").read_text() == "noise\nnoise\n"


def test_a_process_that_cannot_be_started_is_said(
    monkeypatch: pytest.MonkeyPatch, lost: list[str]
) -> None:
    good, starts = pipes._command, iter([True, False])
    bad = {"args": ["/nonexistent"], "stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    monkeypatch.setattr(pipes, "_command", lambda folders: good(folders) if next(starts) else bad)
    executor = PipeExecutor(2, (HERE,), lost.append)
    assert executor.submit(calls.add, 1, 1).result(PATIENCE) == 2
    assert "only 1 of 2 worker processes start" in lost[0]
    executor.kill()
    monkeypatch.setattr(pipes, "_command", lambda _folders: bad)
    with pytest.raises(FileNotFoundError):
        PipeExecutor(2)
