"""Clusters: an engine whose workers a library starts and feeds, on any number of machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quantcli.errors import QuantcliError, UsageError
from quantcli.workers.call import fingerprint, other_version

_SCHEME = "dask://"
# Seconds to wait for the scheduler and for a first worker.
_PATIENCE = 60
# Times that work is given to another worker when one is lost.
_RETRIES = 3


@contextmanager
def connected(where: str) -> Iterator[tuple[Executor, Callable[[], int]]]:
    """Yield an executor on a Dask cluster, and what returns how many calls it does at once.

    Args:
        where: "dask://HOST:PORT", or the path of a scheduler file.

    Raises:
        UsageError: neither, or Dask is not installed.
        QuantcliError: there is no scheduler or no worker, or a worker has another version.
    """
    client = _client(where)
    try:
        _check_workers(client)
        executor = client.get_executor(pure=False, retries=_RETRIES)
        yield executor, lambda: max(1, sum(client.nthreads().values()))
    finally:
        client.close()


def _client(where: str) -> Any:
    if where.startswith(_SCHEME):
        address: dict[str, str] = {"address": "tcp://" + where[len(_SCHEME) :]}
    elif where.endswith(".json"):
        if not Path(where).is_file():  # Dask would wait for it without end
            raise QuantcliError("no scheduler answers: there is no such file", where=where)
        address = {"scheduler_file": where}
    else:
        raise UsageError(
            f"there is no engine {where!r}",
            hint=f"Give {_SCHEME}HOST:PORT or the path of a scheduler file (….json).",
        )
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError(
            "clusters need the library dask, which is not installed",
            hint="pip install 'quantcli-gguf[dask]'",
        ) from error
    try:
        return Client(**address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise QuantcliError(f"no scheduler answers: {error}", where=where) from error


def _check_workers(client: Any) -> None:
    """Refuse a cluster without workers, or with some of another version."""
    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
        found = client.run(fingerprint, on_error="return")
    except TimeoutError as error:
        raise QuantcliError("the cluster has no workers", hint="Start some.") from error
    ours = fingerprint()
    for worker, theirs in found.items():
        if isinstance(theirs, BaseException):
            raise QuantcliError(
                f"a worker cannot run this quantcli: {theirs}",
                where=worker,
                hint="Install the same version everywhere and start again.",
            )
        if theirs != ours:
            raise other_version(theirs, ours)
