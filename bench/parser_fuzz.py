"""Feed every parser with mutated files: in process, by structure, within time and memory.

    python bench/parser_fuzz.py [--minutes 1 | --cases 100000] [--seed 1] [--jobs 2]
                                [--only TEXT] [--write | --add] [--replay TARGET:SEED]
    python bench/parser_fuzz.py --atheris TARGET --minutes 5 [--add]   (guided by coverage)

A case passes when the file is accepted or refused with one QuantcliError whose message is bounded,
within two seconds of processor time and 200 MB of memory. Everything else is a finding: another
exception, a warning, a hang, a message of many screens. A case is its target and its seed, so that
each can be replayed. `--write` puts the counts into docs/reliability.md, `--add` adds them to what
stands there, for a run with seeds of its own. Exit status 1 when there are findings.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import re
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support import write_table

from quantcli.errors import QuantcliError

if TYPE_CHECKING:
    # What is imported before atheris looks on is not instrumented.
    from parser_targets import Target

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
SECONDS, MEMORY, MESSAGE = 2.0, 200 << 20, 30_000
_BATCH = 50  # cases of one target in a row


@dataclass
class Tally:
    """Counts of one target: cases, accepted, refused; and what was found."""

    cases: int = 0
    accepted: int = 0
    slowest: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)

    def merge(self, other: Tally) -> None:
        """Add the counts of `other`."""
        self.cases += other.cases
        self.accepted += other.accepted
        self.slowest = max(self.slowest, other.slowest)
        self.findings |= other.findings


def peak() -> int:
    """Return the largest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def mutated(target: Target, seed: int) -> bytes:
    """Return the file of one case."""
    chance = random.Random(f"{target.name}:{seed}")  # noqa: S311  choices, not secrets
    return target.mutate(target.data, chance)


def run_case(target: Target, folder: Path, seed: int, tally: Tally) -> None:
    """Mutate, read and judge one case."""
    path = folder / target.file
    path.write_bytes(mutated(target, seed))
    before, start = peak(), time.process_time()
    finding = ""
    try:
        target.run(folder)
        tally.accepted += 1
    except QuantcliError as error:
        if len(str(error)) > MESSAGE:
            finding = f"a message of {len(str(error))} characters"
    except Exception:  # noqa: BLE001  whatever a parser raises is what we are looking for
        finding = traceback.format_exc(limit=-3)[-3000:]
    took = time.process_time() - start
    if took > SECONDS:
        finding = finding or f"took {took:.1f} s"
    if peak() - before > MEMORY:
        finding = finding or f"took {(peak() - before) >> 20} MiB"
    tally.cases += 1
    tally.slowest = max(tally.slowest, took)
    if finding:
        tally.findings[f"{target.name}:{seed}"] = finding


def work(seed: int, step: int, deadline: float, cases: int, only: str, queue: Any) -> None:
    """Run batches of cases, every `step`-th from `seed`, until the deadline or `cases`."""
    from parser_targets import write_targets

    warnings.simplefilter("error")
    tallies: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory(dir=_fast()) as scratch:
        targets = [pair for pair in write_targets(Path(scratch)) if only in pair[0].name]
        number = seed
        while time.monotonic() < deadline and sum(t.cases for t in tallies.values()) < cases:
            for target, folder in targets:
                tally = tallies.setdefault(target.name, Tally())
                for n in range(number * _BATCH, (number + 1) * _BATCH):
                    run_case(target, folder, n, tally)
                (folder / target.file).write_bytes(target.data)
                if time.monotonic() > deadline:
                    break
            number += step
    queue.put({name: asdict(tally) for name, tally in tallies.items()})


def _fast() -> str | None:
    """Return a folder in memory, where there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  a scratch folder of ours goes in it


def campaign(options: argparse.Namespace) -> dict[str, Tally]:
    """Run the fuzz on `options.jobs` processes; return the tallies by target."""
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    deadline = time.monotonic() + 60 * options.minutes
    share = -(-options.cases // options.jobs)
    workers = [
        context.Process(
            target=work,
            args=(options.seed * 1000 + n, options.jobs, deadline, share, options.only, queue),
        )
        for n in range(options.jobs)
    ]
    for worker in workers:
        worker.start()
    total: dict[str, Tally] = {}
    for _ in workers:
        for name, record in queue.get().items():
            total.setdefault(name, Tally()).merge(Tally(**record))
    for worker in workers:
        worker.join()
    return total


def report(total: dict[str, Tally]) -> int:
    """Print a line a target and every kind of finding; return how many findings there are."""
    print(f"{'target':44} {'cases':>9} {'accepted':>9} {'slowest':>8} findings")
    for name, tally in sorted(total.items()):
        print(
            f"{name:44} {tally.cases:9,} {tally.accepted:9,} {tally.slowest:7.2f}s "
            f"{len(tally.findings)}"
        )
    findings = {key: text for tally in total.values() for key, text in tally.findings.items()}
    cases = sum(tally.cases for tally in total.values())
    print(f"{cases:,} cases, {len(findings)} findings")
    kinds = Counter(text.strip().splitlines()[-1][:160] for text in findings.values())
    for kind, count in kinds.most_common(20):
        example = next(key for key, text in findings.items() if kind[:100] in text)
        print(f"\n{count} x {kind}\n  --replay '{example}'\n{findings[example]}")
    return len(findings)


def by_kind(total: dict[str, Tally]) -> dict[str, Tally]:
    """Return the counts by kind of file."""
    kinds: dict[str, Tally] = {}
    for name, tally in total.items():
        kinds.setdefault(name.partition(": ")[2] or name, Tally()).merge(tally)
    return kinds


def recorded(page: str) -> dict[str, Tally]:
    """Return the counts by kind that stand in the docs, without findings: they would be there."""
    kinds = {}
    for row in re.findall(
        r"^\| (.+?) \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) s \| 0 \|$", page, re.MULTILINE
    ):
        cases, accepted = (int(text.replace(",", "")) for text in row[1:3])
        kinds[row[0]] = Tally(cases, accepted, float(row[3]))
    kinds.pop("all", None)
    return kinds


def table(kinds: dict[str, Tally]) -> str:
    """Return the counts for the docs."""
    rows = ["| file | cases | accepted | slowest | findings |", "|---|---:|---:|---:|---:|"]
    for name, tally in [*sorted(kinds.items()), ("all", _sum(kinds.values()))]:
        rows.append(
            f"| {name} | {tally.cases:,} | {tally.accepted:,} | {tally.slowest:.2f} s | "
            f"{len(tally.findings)} |"
        )
    return "\n".join(rows) + "\n"


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.merge(tally)
    return total


def replay(case: str) -> int:
    """Run one case again and let its exception through."""
    from parser_targets import write_targets

    name, _, seed = case.rpartition(":")
    with tempfile.TemporaryDirectory() as scratch:
        for target, folder in write_targets(Path(scratch)):
            if target.name == name:
                (folder / target.file).write_bytes(mutated(target, int(seed)))
                print(target.run(folder))
    return 0


def guided(name: str, minutes: float) -> dict[str, Tally]:
    """Let atheris choose the mutations of one target by the coverage they reach.

    It ends the process that it runs in, so that is another one, which counts in shared memory.
    """
    context = multiprocessing.get_context("spawn")
    counts = context.RawArray("d", 3)
    with tempfile.TemporaryDirectory(dir=_fast()) as scratch:
        process = context.Process(target=guide, args=(name, minutes, Path(scratch), counts))
        process.start()
        process.join()
    tally = Tally(int(counts[0]), int(counts[1]), counts[2])
    if process.exitcode:
        tally.findings[name] = f"atheris ended with {process.exitcode}; its last words are above"
    return {f"{name}, guided by coverage": tally}


def guide(name: str, minutes: float, scratch: Path, counts: Any) -> None:
    """Fuzz one target; `counts` are cases, accepted ones, and seconds of the slowest."""
    import atheris

    with atheris.instrument_imports(include=["quantcli"]):
        from parser_targets import write_targets

        targets = write_targets(scratch)
        target, folder = next(pair for pair in targets if pair[0].name == name)
        target.run(folder)  # tables are imported when they are needed first

    def one(data: bytes) -> None:
        (folder / target.file).write_bytes(data)
        counts[0] += 1
        start = time.process_time()
        try:
            target.run(folder)
            counts[1] += 1
        except QuantcliError as error:
            if len(str(error)) > MESSAGE:
                raise AssertionError("an unbounded message") from error
        took = time.process_time() - start
        counts[2] = max(counts[2], took)
        if took > SECONDS:
            raise AssertionError(f"took {took:.1f} s")

    corpus = scratch / "corpus"
    corpus.mkdir()
    (corpus / "seed").write_bytes(target.data)
    # Time is that of the processor, above; the limit of the clock is for what never ends.
    limits = ["-timeout=60", "-rss_limit_mb=2048", f"-max_total_time={int(60 * minutes)}"]
    atheris.Setup([sys.argv[0], str(corpus), *limits], one)
    atheris.Fuzz()


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1000.0)
    parser.add_argument("--cases", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="targets whose name holds this")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md")
    parser.add_argument("--add", action="store_true", help="add to docs/reliability.md")
    parser.add_argument("--replay", help="TARGET:SEED of a finding")
    parser.add_argument("--atheris", help="name of one target")
    options = parser.parse_args()
    if options.replay:
        return replay(options.replay)
    if options.minutes == 1000.0 and options.cases == 10**9:
        options.minutes = 1.0
    total = guided(options.atheris, options.minutes) if options.atheris else campaign(options)
    if options.write or options.add:
        kinds = by_kind(total)
        for name, tally in (recorded(PAGE.read_text()) if options.add else {}).items():
            kinds.setdefault(name, Tally()).merge(tally)
        write_table(PAGE, "fuzzing", table(kinds))
    return 1 if report(total) else 0


if __name__ == "__main__":
    raise SystemExit(main())
