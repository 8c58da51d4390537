"""A pool of processes that load GGUF files in a real llama.cpp, which may abort.

Run as a program, it reads one JSON object a line, {"path": FILE, "use": USE}, loads the file, uses
it, and answers {"error": null} or what was refused.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from llamacpp import LlamaCpp

TOKENS = 10
# Known words, a character that no tiny tokenizer has as a token, and one that needs three bytes.
PROMPT = "the cat and 12 x\n\t\x06\u00e9\u4e2d"
_SHOWN = 300
# Long enough for a machine whose cores are all taken; a load of a tiny file takes a second.
TIMEOUT = 120.0


class Child:
    """One process that loads files until it dies or is closed; it is started when needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[str] | None = None

    def refusal(self, path: Path, use: str) -> str | None:
        """Return why llama.cpp does not load or run the file; None when it does.

        Args:
            path: the file.
            use: "generate" ten tokens, "embed" a text, or only "tokenize" it.
        """
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
            process.stdin.write(json.dumps({"path": str(path), "use": use}) + "\n")
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
            self._process.communicate()  # closes the pipes
        if self._log is not None:
            self._log.close()

    def _start(self) -> None:
        self.close()
        self._log = tempfile.TemporaryFile(  # noqa: SIM115 - open as long as the process lives
            "w+", encoding="utf-8", errors="replace"
        )
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
    # llama.cpp may write to standard output; the answers keep that of their own.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        error = None
        try:
            loaded = LlamaCpp(Path(request["path"]), embedding=request["use"] == "embed", threads=1)
            _use(loaded, request["use"])
            del loaded
        except Exception as caught:  # noqa: BLE001 - whatever is raised is the answer
            error = f"{type(caught).__name__}: {caught}"[:_SHOWN]
        answers.write(json.dumps({"error": error}) + "\n")
        answers.flush()


def _use(loaded: LlamaCpp, use: str) -> None:
    """Raise RuntimeError when the loaded model does not do what it is asked for."""
    loaded.tokenize(PROMPT)
    # A server that is stopped before its loop has begun never ends; an answer proves that it has.
    if use == "tokenize":
        loaded.server.handle_completions({"prompt": "a", "max_tokens": 1})
    if use == "embed":
        # This endpoint knows models without pooling as well, which answer one line a token.
        reply = _post(loaded, "/embedding", {"content": PROMPT})
        numbers = [x for item in reply for line in item["embedding"] for x in np.ravel(line)]
        if not numbers or not np.isfinite(np.array(numbers, np.float64)).all():
            raise RuntimeError("the embedding is not finite")
    elif use == "generate":
        # Special tokens in the prompt would end the text at once.
        asked = {"prompt": PROMPT, "max_tokens": TOKENS, "temperature": 0.0, "ignore_eos": True}
        reply = loaded.server.handle_completions(asked)
        if "choices" not in reply:
            raise RuntimeError(json.dumps(reply))


def _post(loaded: LlamaCpp, path: str, body: object) -> Any:
    """Return what the server, which listens on the loopback interface only, answers."""
    address = urlsplit(loaded.server.listening_address).netloc
    with contextlib.closing(http.client.HTTPConnection(address, timeout=60)) as connection:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read().decode()
    if response.status != 200:
        raise RuntimeError(answer)
    return json.loads(answer)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        serve()
