"""Whether a conversion killed at a random moment goes on to the same bytes.

    python bench/kill_resume.py [MODEL] [--type Q4_K_M] [--kills 20] [--jobs 2] [--seed 1]
                                [--targets group,parent,worker]

MODEL is a Hugging Face folder; without it a small synthetic checkpoint is converted. Every round
starts a conversion and sends SIGKILL at a random moment of its run: in turn to the whole process
group, to the parent alone, whose workers then live on for a moment, and to one worker, after which
the conversion must end by itself (where weights only move there are threads and no workers: leave
that target out). Nothing may have the final name before it is whole. The same
command is run to its end and the SHA-256 compared with that of an undisturbed run. A round that was
over before the signal is repeated. Exit status 1 on any difference.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from support import SMALL, convert, digest, timed, write_checkpoint

TARGETS = ("group", "parent", "worker")


@dataclass(frozen=True, slots=True)
class Round:
    """One kill: to whom, seconds after the start, weights found on resuming, the final bytes."""

    target: str
    moment: float
    resumed: int
    digest: str


@dataclass(slots=True)
class Campaign:
    """Rounds that were played, against the digest of an undisturbed run."""

    expected: str
    rounds: list[Round] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Rounds that ended with other bytes."""
        return sum(one.digest != self.expected for one in self.rounds)

    @property
    def resumed(self) -> int:
        """Rounds in which the second run found something to go on with."""
        return sum(one.resumed > 0 for one in self.rounds)

    def counts(self) -> Counter[str]:
        """Return the number of rounds by target."""
        return Counter(one.target for one in self.rounds)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [int(number) for text in lists for number in text.split()]


def kill(process: subprocess.Popen[bytes], target: str) -> bool:
    """Send SIGKILL; return whether there was something to send it to."""
    if target == "group":
        os.killpg(process.pid, signal.SIGKILL)
    elif target == "parent":
        process.kill()
    elif workers := children(process.pid):
        os.kill(random.choice(workers), signal.SIGKILL)  # noqa: S311 - a victim, not a secret
    else:
        return False
    return True


def play(
    command: list[str], output: Path, target: str, moment: float, expected: str
) -> Round | None:
    """Kill one conversion and finish it; None if there was nothing left to be killed.

    Raises:
        SystemExit: half a file had the final name, files are left over, or it did not go on.
    """
    output.unlink(missing_ok=True)
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        process.wait(moment)
        hit = False
    except subprocess.TimeoutExpired:
        hit = kill(process, target)
    status = process.wait()
    if output.exists() and digest(output) != expected:
        raise SystemExit(f"{output.name} has its final name and not its final bytes")
    if target == "worker" and status:
        raise SystemExit(f"without one worker the conversion ended with {status}")
    if not hit or (target != "worker" and output.exists()):
        return None
    resumed = 0
    if not output.exists():
        done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
        resumed = json.loads(done.stdout)["resumed"]
    left = sorted(path.name for path in output.parent.glob(f"{output.name}.*"))
    if left:
        raise SystemExit(f"left over beside the output: {', '.join(left)}")
    return Round(target, moment, resumed, digest(output))


def campaign(
    command: list[str],
    output: Path,
    kills: int,
    seed: int,
    report: Callable[[int, Round, str], None] | None = None,
    targets: Sequence[str] = TARGETS,
) -> Campaign:
    """Play `kills` rounds, or as many as fit into six times their expected duration."""
    choose = random.Random(seed)  # noqa: S311 - moments, not secrets
    seconds = timed(command).wall
    done = Campaign(digest(output))
    print(f"undisturbed: {seconds:.2f} s, {done.expected}")
    deadline = time.monotonic() + 60 + 6 * kills * seconds
    turns = cycle(targets)
    target = next(turns)
    while len(done.rounds) < kills and time.monotonic() < deadline:
        # Every second one when the interpreter has started and weights are on their way.
        earliest = 0.4 * seconds * (len(done.rounds) % 2)
        played = play(command, output, target, choose.uniform(earliest, seconds), done.expected)
        if played is not None:
            done.rounds.append(played)
            target = next(turns)
            if report is not None:
                report(len(done.rounds), played, done.expected)
    return done


def main() -> int:
    """Play the rounds and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--type", default="Q4_K_M")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--chunk-weights", type=int, default=1 << 16, help="many journal lines")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--folder", type=Path, help="where outputs go; default: a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        model = options.model or write_checkpoint(folder / "small", SMALL)
        output = folder / "out.gguf"
        more = ("--jobs", options.jobs, "--chunk-weights", options.chunk_weights)
        command = convert(model, options.type, output, *more)
        targets = options.targets.split(",")
        done = campaign(command, output, options.kills, options.seed, report, targets)
    spread = ", ".join(f"{done.counts()[target]} {target}" for target in targets)
    print(
        f"{len(done.rounds)} kills ({spread}), {done.resumed} with work to take over, "
        f"{done.wrong} with other bytes"
    )
    return 0 if len(done.rounds) == options.kills and not done.wrong else 1


def report(number: int, played: Round, expected: str) -> None:
    """Print one line."""
    same = "same" if played.digest == expected else "DIFFERENT"
    print(
        f"{number:3} {played.target:6} after {played.moment:6.2f} s, "
        f"{played.resumed:>12,} weights resumed, {same}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
