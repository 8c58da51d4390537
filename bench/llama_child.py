"""A pool of processes that load GGUF files in a real llama.cpp, which may abort.

Run as a program, it reads one JSON object a line, {"path": FILE, "embedding": BOOL}, loads the
file, generates ten tokens or embeds a text, and answers {"error": null} or what was refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

TESTS = Path(__file__).parents[1] / "tests"
TOKENS = 10
PROMPT = "the cat and 12 x\n"
_SHOWN = 300
# Long enough for a machine whose cores are all taken; a load of a tiny file takes a second.
TIMEOUT = 120.0


class Child:
    """One process that loads files until it dies or is closed; it is started when needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[str] | None = None

    def refusal(self, path: Path, *, embedding: bool) -> str | None:
        """Return why llama.cpp does not load or run the file; None when it does."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        process, log = self._process, self._log
        assert process is not None
        assert log is not None
        assert process.stdin is not None
        assert process.stdout is not None
        start = log.seek(0, os.SEEK_END)
        watch = threading.Timer(TIMEOUT, process.kill)
        watch.start()
        try:
            process.stdin.write(json.dumps({"path": str(path), "embedding": embedding}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watch.cancel()
        log.seek(start)
        said = _telling(log.read())
        if not line:
            return f"died with status {process.wait()}: {said}"
        error = json.loads(line)["error"]
        return None if error is None else f"{error} {said}".strip()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._log is not None:
            self._log.close()

    def _start(self) -> None:
        self.close()
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
        )


def _telling(log: str) -> str:
    """Return the lines of llama.cpp's log that say why."""
    words = ("ASSERT", "rror", "failed", "ABORT", "fatal", "what()", "terminate", "invalid")
    lines = [line.strip() for line in log.splitlines() if any(word in line for word in words)]
    return " | ".join(lines)[:_SHOWN]


def serve() -> None:
    """Answer requests on standard input until it ends."""
    sys.path.insert(0, str(TESTS))
    from llamacpp import LlamaCpp

    # llama.cpp may write to standard output; the answers keep that of their own.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        error = None
        try:
            loaded = LlamaCpp(Path(request["path"]), embedding=request["embedding"], threads=1)
            if request["embedding"]:
                _check_numbers(loaded.embed([PROMPT]))
            else:
                loaded.generate(PROMPT, TOKENS)
            del loaded
        except Exception as caught:  # noqa: BLE001 - whatever is raised is the answer
            error = f"{type(caught).__name__}: {caught}"[:_SHOWN]
        answers.write(json.dumps({"error": error}) + "\n")
        answers.flush()


def _check_numbers(embeddings: list[list[float]]) -> None:
    if any(number is None or number != number for line in embeddings for number in line):  # noqa: PLR0124 - NaN
        raise RuntimeError("the embedding is not finite")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        serve()
