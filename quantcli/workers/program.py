"""A worker process: answers calls on its standard input until that ends.

It is started as a file, `python -I …/quantcli/workers/program.py PACKAGE FOLDER…`, because an
isolated interpreter has neither the current folder nor PYTHONPATH on its path. The package is bound
to the folder that the starting process uses, not searched for, so that nothing else of that name
can take its place; the other FOLDERs, where the starting process has its libraries, come after all
that the interpreter finds by itself.

A request is a length (8 bytes, little-endian) and a pickled (function, arguments), an answer a
length and a pickled (True, result) or (False, what went wrong). Being a plain program rather than a
child of `multiprocessing`, it never imports the caller's main module. It ends when its input does,
so it outlives the process that started it by no more than the call at hand.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

_LENGTH = 8
# New objects after which the interpreter looks for garbage: imports are many that all stay.
_COLLECTED = 50_000


def pin(package: str, folders: Sequence[str]) -> None:
    """Bind the name quantcli to the folder `package`; look for other packages in `folders` last."""
    sys.path += [folder for folder in folders if folder not in sys.path]
    spec = importlib.util.spec_from_file_location(
        "quantcli", Path(package) / "__init__.py", submodule_search_locations=[package]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{package} is not a package")
    module = importlib.util.module_from_spec(spec)
    sys.modules["quantcli"] = module
    spec.loader.exec_module(module)


def own_streams() -> tuple[int, int]:
    """Return descriptors of requests and answers, out of the way of whoever prints or reads.

    Afterwards 0, 1 and 2 are open, so that no file opened later can be taken for one of them.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    while nothing <= 2:
        nothing = os.open(os.devnull, os.O_RDWR)
    requests, answers = os.dup(0), os.dup(1)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, answers


def _read(descriptor: int, count: int) -> bytes:
    """Return `count` bytes; fewer only at the end of the input."""
    parts = []
    while count and (part := os.read(descriptor, count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _perform(request: bytes) -> bytes:
    """Return the pickled answer to a request; whatever goes wrong is said in it."""
    try:
        function, arguments = pickle.loads(request)  # noqa: S301 - from the process that started us
        return pickle.dumps((True, function(*arguments)))
    except BaseException as error:  # noqa: BLE001 - a worker that dies says less than one that answers
        text = str(error).strip().splitlines() or [""]
        return pickle.dumps((False, f"{type(error).__name__}: {text[-1]}"))


def main() -> None:
    """Answer requests until their end."""
    requests, answers = own_streams()
    gc.set_threshold(_COLLECTED)
    pin(sys.argv[1], sys.argv[2:])
    while len(head := _read(requests, _LENGTH)) == _LENGTH:
        answer = _perform(_read(requests, int.from_bytes(head, "little")))
        view = memoryview(len(answer).to_bytes(_LENGTH, "little") + answer)
        try:
            while view:
                view = view[os.write(answers, view) :]
        except BrokenPipeError:
            break  # the process that started us is gone


if __name__ == "__main__":
    main()
    # Nothing is left to be done, and taking the interpreter down costs time.
    os._exit(0)
