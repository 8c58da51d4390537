"""Whether a conversion killed at a random moment goes on to the same bytes.

    python bench/kill_resume.py [MODEL] [--type Q4_K_M] [--kills 20] [--jobs 2] [--seed 1]

MODEL is a Hugging Face folder; without it a small synthetic checkpoint is converted. Every round
starts a conversion, sends SIGKILL at a random moment of its run (in turn to the whole process group
and to the parent alone, whose workers then live on for a moment), checks that nothing has the final
name yet, runs the same command to its end and compares the SHA-256 with that of an undisturbed run.
A round whose conversion ended before the signal is repeated. Exit status 1 on any difference.
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
from dataclasses import dataclass
from pathlib import Path

from support import SMALL, convert, digest, timed, write_checkpoint


@dataclass(frozen=True, slots=True)
class Round:
    """One kill: seconds after the start, to the group or the parent, weights found on resuming."""

    moment: float
    group: bool
    resumed: int
    digest: str


def kill(command: list[str], moment: float, *, group: bool) -> bool:
    """Start the command, send SIGKILL after `moment` seconds; False if it had ended by then."""
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def play(command: list[str], output: Path, moment: float, *, group: bool) -> Round | None:
    """Kill one conversion and finish it; None if it was too quick to be killed.

    Raises:
        SystemExit: a file had the final name before the end, or files are left over after it.
    """
    output.unlink(missing_ok=True)
    if not kill(command, moment, group=group):
        return None
    if output.exists():
        raise SystemExit(f"{output.name} exists although its conversion was killed")
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    left = sorted(path.name for path in output.parent.glob(f"{output.name}.*"))
    if left:
        raise SystemExit(f"left over beside the output: {', '.join(left)}")
    return Round(moment, group, json.loads(done.stdout)["resumed"], digest(output))


def main() -> int:
    """Play the rounds and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--type", default="Q4_K_M")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--chunk-weights", type=int, default=1 << 16, help="many journal lines")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where outputs go; default: a temporary one")
    options = parser.parse_args()
    choose = random.Random(options.seed)  # noqa: S311 - moments, not secrets
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        model = options.model or write_checkpoint(folder / "small", SMALL)
        output = folder / "out.gguf"
        more = ("--jobs", options.jobs, "--chunk-weights", options.chunk_weights)
        command = convert(model, options.type, output, *more)
        seconds = timed(command).wall
        expected = digest(output)
        print(f"undisturbed: {seconds:.2f} s, {expected}")
        deadline = time.monotonic() + 60 + 6 * options.kills * seconds
        while len(rounds) < options.kills and time.monotonic() < deadline:
            group = len(rounds) % 2 == 0
            played = play(command, output, choose.uniform(0, seconds), group=group)
            if played is not None:
                rounds.append(played)
                report(len(rounds), played, expected)
    resumed = sum(one.resumed > 0 for one in rounds)
    wrong = sum(one.digest != expected for one in rounds)
    print(f"{len(rounds)} kills, {resumed} with work to take over, {wrong} with other bytes")
    return 0 if len(rounds) == options.kills and not wrong else 1


def report(number: int, played: Round, expected: str) -> None:
    """Print one line."""
    target = "group " if played.group else "parent"
    same = "same" if played.digest == expected else "DIFFERENT"
    print(
        f"{number:3} {target} after {played.moment:6.2f} s, "
        f"{played.resumed:>12,} weights resumed, {same}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
