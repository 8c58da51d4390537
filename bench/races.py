"""Whether several conversions to one output at the same time harm it.

    python bench/races.py [--rounds 100] [--seed 1]

Every round starts two or three conversions of one small checkpoint to the same output within a
fraction of a second: of the same type or of different ones, in turn without an option, with
--skip-existing and with --force, over nothing or over a finished file. Whenever one exits 0, the
output must be a whole file of one of the types; nobody may end with a traceback or an exit code
that is not documented; and when the last one is gone nothing may lie beside the output. Exit status
1 on anything else.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from support import Llama, convert, digest, write_checkpoint

MODEL = Llama(layers=2, width=256, hidden=512, vocabulary=1024)
TYPES = ("Q4_K_M", "Q8_0")
OPTIONS = ((), ("--skip-existing",), ("--force",))
# Done; and there already, for who came second and was not told to replace or skip it.
ALLOWED = {0, 4}


@dataclass(slots=True)
class Campaign:
    """What came of all rounds."""

    rounds: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    harmed: int = 0
    tracebacks: int = 0
    left_over: int = 0
    unexpected: int = 0

    @property
    def good(self) -> bool:
        """Whether nothing went wrong."""
        return not (self.harmed or self.tracebacks or self.left_over or self.unexpected)


def play(
    done: Campaign, commands: list[list[str]], output: Path, whole: set[str], delays: list[float]
) -> None:
    """Start the commands and watch the output until they are all gone."""
    running: list[subprocess.Popen[str]] = []
    for command, delay in zip(commands, delays, strict=True):
        time.sleep(delay)
        running.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
    statuses = []
    while running:
        for process in [process for process in running if process.poll() is not None]:
            running.remove(process)
            text = process.communicate()[1]
            statuses.append(process.returncode)
            done.tracebacks += "Traceback" in text
            done.unexpected += process.returncode not in ALLOWED
            if process.returncode == 0:
                done.harmed += not output.exists() or digest(output) not in whole
        time.sleep(0.002)
    done.unexpected += 0 not in statuses and not output.exists()
    done.harmed += digest(output) not in whole
    done.left_over += sorted(p.name for p in output.parent.iterdir()) != [output.name]
    done.statuses.update(statuses)
    done.rounds += 1


def campaign(folder: Path, rounds: int, seed: int) -> Campaign:
    """Play `rounds` rounds in `folder`."""
    choose = random.Random(seed)  # noqa: S311 - moments, not secrets
    model = write_checkpoint(folder / "small", MODEL)
    (folder / "whole").mkdir()
    (folder / "outputs").mkdir()
    whole = []
    for kind in TYPES:
        subprocess.run(convert(model, kind, folder / "whole" / f"{kind}.gguf"), check=True)
        whole.append(digest(folder / "whole" / f"{kind}.gguf"))
    output = folder / "outputs" / "out.gguf"
    done = Campaign()
    for number in range(rounds):
        output.unlink(missing_ok=True)
        if number % 4 == 3:
            output.write_bytes((folder / "whole" / f"{TYPES[0]}.gguf").read_bytes())
        count = 2 + number % 2
        kinds = [choose.choice(TYPES) for _ in range(count)]
        options = OPTIONS[number % 3]
        small = ("--jobs", choose.choice((1, 2)), "--chunk-weights", 1 << 14)
        commands = [convert(model, kind, output, *options, *small) for kind in kinds]
        play(done, commands, output, set(whole), [choose.uniform(0, 0.3) for _ in commands])
    return done


def main() -> int:
    """Play the rounds and say what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where outputs go; default: a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        done = campaign(Path(name), options.rounds, options.seed)
    ended = ", ".join(f"{count} with {status}" for status, count in sorted(done.statuses.items()))
    print(f"{done.rounds} rounds; conversions ended: {ended}")
    print(
        f"{done.harmed} harmed files, {done.tracebacks} tracebacks, {done.left_over} rounds with "
        f"files left over, {done.unexpected} unexpected endings"
    )
    return 0 if done.good else 1


if __name__ == "__main__":
    sys.exit(main())
