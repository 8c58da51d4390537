from __future__ import annotations

import errno
import os
import pickle
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from quantcli import errors
from quantcli.errors import OutputError, QuantcliError
from quantcli.execute.task import NonFiniteError
from quantcli.workers.call import Call, failure, fingerprint, perform, result, revive
from quantcli.workers.engine import Engine, drive, opened


class Bomb:
    """Its unpickling shows."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


def test_arguments_of_another_version_are_not_even_unpickled(tmp_path: Path) -> None:
    marker = tmp_path / "unpickled"
    call = Call("quantcli.errors:listed", pickle.dumps((Bomb(marker),)))
    with pytest.raises(QuantcliError, match=r"a worker has quantcli .*, this is 99\.0"):
        result(perform("99.0 abc", call.function, call.payload))
    version = fingerprint().split()[0]
    with pytest.raises(QuantcliError, match="other sources of quantcli"):
        result(perform(f"{version} abc", call.function, call.payload))
    assert not marker.exists()


def test_the_fingerprint_covers_every_source(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Path.read_bytes
    before = fingerprint.__wrapped__()
    assert before == fingerprint()
    for name in ("lattice.py", "q4_k.py", "errors.py", "call.py"):
        monkeypatch.setattr(
            Path, "read_bytes", lambda path, n=name: read(path) + b"#" * (path.name == n)
        )
        assert fingerprint.__wrapped__() != before


def test_only_functions_of_the_package_are_called() -> None:
    call = Call("os:system", pickle.dumps(("exit 1",)))
    with pytest.raises(QuantcliError, match="none of quantcli's"):
        result(perform(fingerprint(), call.function, call.payload))


@pytest.mark.parametrize(
    "error",
    [
        OutputError("text", where="file", hint="do this"),
        errors.ConfigError("text"),
        QuantcliError("text", where="file"),
    ],
)
def test_errors_travel_as_records(error: QuantcliError) -> None:
    revived = revive(failure(error))
    assert type(revived) is type(error)
    assert (revived.message, revived.where, revived.hint) == (
        *(error.message, error.where, error.hint),
    )


def test_errors_from_elsewhere_travel_as_their_kind() -> None:
    revived = revive(failure(NonFiniteError("t", "f", 1, 2, 3)))
    assert type(revived) is errors.InputError
    assert "row 2, column 3" in revived.message


@pytest.mark.parametrize(
    "number,kind,text",
    [
        (errno.ENOSPC, OutputError, "no space left"),
        (errno.EDQUOT, OutputError, "no space left"),
        (errno.EFBIG, OutputError, "larger than it may be"),
        (errno.EIO, OutputError, "Input/output error"),
        (errno.EMFILE, QuantcliError, "Too many open files"),
    ],
)
def test_what_the_system_says_becomes_an_error_with_a_way_on(
    number: int, kind: type[QuantcliError], text: str
) -> None:
    revived = revive(failure(OSError(number, os.strerror(number), "/some/file")))
    assert type(revived) is kind
    assert text in revived.message
    assert revived.where == "/some/file"
    assert "goes on where it stopped" in str(revived)


def test_no_memory_is_an_error_with_a_way_on() -> None:
    assert "fewer `jobs`" in str(revive(failure(MemoryError())))


class Here:
    """An executor whose futures end when the test says so."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, *_call: object) -> Future[Any]:
        self.futures.append(Future())
        return self.futures[-1]

    def end(self, number: int, value: object) -> None:
        self.futures[number].set_running_or_notify_cancel()
        self.futures[number].set_result((True, pickle.dumps(value)))


def test_a_few_calls_a_worker_are_in_flight_and_all_are_reported() -> None:
    executor, reported, most = Here(), [], []
    calls = [Call.of(errors.listed, "t", ()) for _ in range(20)]
    engine = Engine(executor, lambda: 2, local=False)  # type: ignore[arg-type]  # what drive needs of one

    def report(number: int, value: object) -> None:
        reported.append((number, value))
        most.append(len(executor.futures) - len(reported))
        for later in range(len(executor.futures)):
            if not executor.futures[later].done():
                executor.end(later, later)

    executor_submit = executor.submit

    def submit(*call: object) -> Future[Any]:
        future = executor_submit(*call)
        if len(executor.futures) == 1:
            executor.end(0, 0)
        return future

    executor.submit = submit  # type: ignore[method-assign]  # the first call ends by itself
    drive(engine, calls, report)
    assert sorted(reported) == [(number, number) for number in range(20)]
    assert max(most) == 5


def test_when_the_user_stops_what_is_under_way_is_still_reported() -> None:
    executor, reported, killed = Here(), [], []
    engine = Engine(executor, lambda: 2, local=False, kill=lambda: killed.append(True))  # type: ignore[arg-type]  # as above
    submit = executor.submit

    def begun(*call: object) -> Future[Any]:
        future = submit(*call)
        number = len(executor.futures) - 1
        if number < 3:
            executor.end(number, number)
        return future

    executor.submit = begun  # type: ignore[method-assign]  # three calls end, the others never begin

    def report(number: int, _value: object) -> None:
        reported.append(number)
        if len(reported) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive(engine, [Call.of(errors.listed, "t", ()) for _ in range(9)], report)
    assert sorted(reported) == [0, 1, 2]
    assert all(future.cancelled() for future in executor.futures[3:])
    assert killed == [True]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_in_a_call_ends_the_run(jobs: int) -> None:
    seen = []
    calls = [Call("os:getpid", pickle.dumps(()))] * 3
    with (
        opened(None, jobs=jobs, calls=3) as engine,
        pytest.raises(QuantcliError, match="none of quantcli's"),
    ):
        drive(engine, calls, lambda *one: seen.append(one))
    assert seen == []


@pytest.mark.parametrize("where", ["dusk://localhost:1", "nowhere"])
def test_an_engine_that_is_none(where: str) -> None:
    with (
        pytest.raises(errors.UsageError, match="there is no engine"),
        opened(where, jobs=1, calls=1),
    ):
        pass


def test_what_nobody_foresaw_is_an_error_and_not_the_worker_s_end() -> None:
    call = Call("quantcli.workers.call:result", pickle.dumps((None,)))
    with pytest.raises(QuantcliError, match=r"unexpected TypeError: .*call\.py:\d+"):
        result(perform(fingerprint(), call.function, call.payload))
