"""A worker process: `python -m quantcli.execute.worker`, driven by lines on its standard input.

The first line is a JSON object (root, output, allow_nonfinite, chunk_weights), the second the plan.
Each further line is a chunk's number; the answer is one JSON line on standard output. The worker
ends when its input does, so it cannot outlive the process that started it by more than a chunk.
Being a plain program rather than a `multiprocessing` child, it never imports the caller's main
module.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TextIO

from quantcli.errors import QuantcliError
from quantcli.execute.chunks import split
from quantcli.execute.encoder import Encoder
from quantcli.execute.lock import share
from quantcli.execute.report import failure
from quantcli.planning.plan import Plan


def main() -> None:
    """Answer chunk numbers until the input ends."""
    # Ctrl-C reaches the whole foreground process group; the parent decides what to finish.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # Nothing that prints by accident may get between the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    setup = json.loads(sys.stdin.readline())
    plan = Plan.from_json(sys.stdin.readline())
    encoder = Encoder(
        plan, Path(setup["root"]), Path(setup["output"]), allow_nonfinite=setup["allow_nonfinite"]
    )
    share(encoder.fileno())
    chunks = split(plan, setup["chunk_weights"])
    try:
        for line in sys.stdin:
            number = int(line)
            try:
                done = encoder.run(chunks[number])
            except (QuantcliError, OSError) as error:
                _answer(answers, {"chunk": number, "failure": failure(error)})
            else:
                _answer(
                    answers,
                    {"chunk": number, "checksum": done.checksum, "nonfinite": done.nonfinite},
                )
    except BrokenPipeError:
        # The parent is gone; there is nobody left to tell.
        os._exit(1)


def _answer(answers: TextIO, record: dict[str, object]) -> None:
    answers.write(json.dumps(record) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
