"""Convert mutated checkpoints, and let a real llama.cpp load what verify calls right.

    python bench/config_fuzz.py [--cases 1200] [--seed 1] [--replay SEED:NUMBER] [--report FILE]

A case takes one of the tiny checkpoints of every architecture and tokenizer (fuzz_bases.py),
mutates its small files (mutations.py) and converts it. What is accepted is verified, alone and
against the mutated checkpoint, and then loaded in llama.cpp in a process of its own, which
generates ten tokens, or embeds a text. A finding is

* an exception that is no QuantcliError;
* a file that verify passes and llama.cpp refuses, aborts on or cannot run;
* a case that takes more than `SLOW` seconds.

Files that verify fails are loaded as well: one that runs may have been called wrong without need,
which is listed and is no finding by itself, since a file may run and compute something else.
A case depends on the seed and its number only. Exit status 1 when there is a finding.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from fuzz_bases import BASES, write_base
from llama_child import Child
from mutations import mutate

import quantcli
from quantcli.container.reader import GgufFile
from quantcli.errors import QuantcliError

SLOW = 2.0
_HUNG = 60
_ENOUGH = 48
_PRESETS = ("Q8_0", "Q4_K_M", "F16")
# How a case may end; the last three are findings.
REJECTED, RAN, ALARM, FAILED = (
    "rejected",
    "ran",
    "verify failed, llama.cpp runs it",
    "verify failed",
)
REFUSED, RAISED, HUNG = "verify passed, llama.cpp refuses", "traceback", "slow"
FINDINGS = (REFUSED, RAISED, HUNG)


@dataclass(frozen=True, slots=True)
class Case:
    """What came of one mutation.

    Attributes:
        number: of the case.
        base: name of the checkpoint that was mutated.
        mutations: what was changed.
        ending: one of the above.
        text: the error, the problems or llama.cpp's words.
        seconds: for plan, conversion and verification.
    """

    number: int
    base: str
    mutations: tuple[str, ...]
    ending: str
    text: str
    seconds: float

    @property
    def accepted(self) -> bool:
        """Whether a file was written."""
        return self.ending in {RAN, ALARM, FAILED, REFUSED}

    def line(self) -> str:
        """Return the case in one line."""
        changed = "; ".join(self.mutations)
        return f"{self.number} {self.base} [{changed}] {self.ending}: {self.text}"


class Fuzz:
    """Runs cases; keeps the checkpoints and one llama.cpp process between them.

    Args:
        folder: an empty folder for everything that is written.
        seed: decides all cases.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._seed, self._child = folder, seed, Child()

    def close(self) -> None:
        """End the process of llama.cpp."""
        self._child.close()

    def run(self, number: int) -> Case:
        """Return what comes of case `number`."""
        draw = random.Random(f"{self._seed}:{number}")  # noqa: S311 - test data, not secrets
        base = draw.choice(sorted(BASES))
        preset = draw.choice(_PRESETS)
        model = self._copy(base)
        mutations = tuple(mutate(model, draw))
        output = self._folder / "out.gguf"
        for path in self._folder.glob("out.gguf*"):
            path.unlink()
        start = time.perf_counter()
        ending, text = self._convert_and_check(model, preset, output)
        seconds = time.perf_counter() - start
        if output.exists():
            refusal = self._child.refusal(output, _use(output))
            if ending == RAN and refusal is not None:
                ending, text = REFUSED, refusal
            elif ending == FAILED and refusal is None:
                ending = ALARM
        if seconds > SLOW and ending not in FINDINGS:
            ending, text = HUNG, f"{seconds:.1f} s, {ending}: {text}"
        return Case(number, base, mutations, ending, text, round(seconds, 2))

    def _copy(self, base: str) -> Path:
        source, model = self._folder / "bases" / base, self._folder / "model"
        if not source.exists():
            write_base(base, source)
        shutil.rmtree(model, ignore_errors=True)
        # The tensors are linked; mutated files are replaced, so the base stays as it is.
        return Path(shutil.copytree(source, model, copy_function=os.link))

    def _convert_and_check(self, model: Path, preset: str, output: Path) -> tuple[str, str]:
        try:
            with _limited():
                quantcli.convert(model, preset, output, jobs=1, chunk_weights=1 << 14)
                problems = {
                    text
                    for against in (None, model)
                    for text in quantcli.verify(output, against, jobs=1).problems
                }
        except QuantcliError as error:
            if output.exists():
                return RAISED, f"verify: {error}"
            return REJECTED, f"{type(error).__name__}: {error}"
        except _Hung:
            return HUNG, f"more than {_HUNG} s"
        except Exception:  # noqa: BLE001 - anything else is what is looked for
            return RAISED, traceback.format_exc(limit=-6)
        return (FAILED, " | ".join(sorted(problems))) if problems else (RAN, "")


def _use(output: Path) -> str:
    """Return what a file can be used for."""
    file = GgufFile(output)
    arch = file.value("general.architecture")
    if arch == "bert":
        return "embed"
    # Ten tokens do not fit a context that is said to be shorter than the prompt.
    context = file.value(f"{arch}.context_length")
    return "generate" if isinstance(context, int) and context >= _ENOUGH else "tokenize"


class _Hung(Exception):
    """A case takes too long."""


@contextmanager
def _limited() -> Iterator[None]:
    def stop(signum: int, frame: FrameType | None) -> None:
        raise _Hung

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(_HUNG)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(numbers: range, seed: int, folder: Path) -> Iterator[Case]:
    """Yield the cases of a seed."""
    fuzz = Fuzz(folder, seed)
    try:
        for number in numbers:
            yield fuzz.run(number)
    finally:
        fuzz.close()


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", metavar="SEED:NUMBER")
    parser.add_argument("--report", type=Path, help="file for one JSON object a case")
    parser.add_argument("--keep", type=Path, help="folder to work in, which is kept")
    options = parser.parse_args()
    seed, numbers = options.seed, range(options.cases)
    if options.replay:
        seed, number = (int(part) for part in options.replay.split(":"))
        numbers = range(number, number + 1)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for case in run(numbers, seed, options.keep or Path(folder)):
            counts[case.ending] += 1
            if options.report:
                with options.report.open("a", encoding="utf-8") as report:
                    report.write(json.dumps(asdict(case), ensure_ascii=False) + "\n")
            if options.replay or case.ending in {*FINDINGS, ALARM, FAILED}:
                print(case.line(), flush=True)
    accepted = counts.total() - counts[REJECTED] - counts[RAISED] - counts[HUNG]
    print(f"{counts.total()} cases of seed {seed}, {accepted} accepted")
    for ending, count in counts.most_common():
        print(f"  {count:5} {ending}")
    return int(any(counts[ending] for ending in FINDINGS))


if __name__ == "__main__":
    sys.exit(main())
