"""Whether a conversion killed at a random moment goes on to the same bytes.

    python bench/kill_resume.py [MODEL] [--type Q4_K_M] [--kills 20] [--jobs 2] [--seed 1]

MODEL is a Hugging Face folder; without it a small synthetic checkpoint is converted. Every round
starts a conversion, sends SIGKILL at a random moment of its run (in turn to the whole process group
and to the parent alone, whose workers then live on for a moment), checks that nothing has the final
name yet (or, if the signal came after the rename, that it is whole), runs the same command to its
end and compares the SHA-256 with that of an undisturbed run. A round whose output was there before
the signal is repeated. Exit status 1 on any difference.
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


def play(
    command: list[str], output: Path, moment: float, expected: str, *, group: bool
) -> Round | None:
    """Kill one conversion and finish it; None if it had published its output by then.

    Raises:
        SystemExit: half a file had the final name, or files are left over at the end.
    """
    output.unlink(missing_ok=True)
    killed = kill(command, moment, group=group)
    if output.exists():
        # Between the rename and the process's end a signal may still hit; the file must be whole.
        if digest(output) != expected:
            raise SystemExit(f"{output.name} has its final name and not its final bytes")
        return None
    if not killed:
        raise SystemExit(f"the conversion ended by itself without {output.name}")
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
            moment = choose.uniform(0, seconds)
            played = play(command, output, moment, expected, group=group)
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
