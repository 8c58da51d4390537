"""The commands of scripts/conformance.py."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance import case, run


def main(arguments: list[str]) -> int:
    """Carry out the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="conformance.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run cases and print what differs")
    running.add_argument("cases", nargs="*", metavar="ARCH[/CASE]")
    running.add_argument("--peer", action=argparse.BooleanOptionalAction, default=True)
    running.add_argument("--jobs", type=int, default=1)
    running.add_argument("--keep", type=Path, help="folder that keeps checkpoints and files")
    zoo = commands.add_parser("zoo", help="try every text class of transformers, tiny")
    zoo.add_argument("classes", nargs="*", metavar="CLASS")
    zoo.add_argument("--keep", type=Path, help="folder that keeps checkpoints and files")
    given = parser.parse_args(arguments)
    return _zoo(given) if given.command == "zoo" else _run(given)


def _zoo(given: argparse.Namespace) -> int:
    from conformance import zoo

    entries = []
    for entry in zoo.explore(given.classes, given.keep):
        entries.append(entry)
        print(zoo.line(entry), flush=True)
    made = [entry for entry in entries if not entry.problem]
    right = sum(entry.holds for entry in made)
    print(f"{len(made)} of {len(entries)} classes made tiny; {right} right in llama.cpp")
    return 0


def _run(given: argparse.Namespace) -> int:
    chosen = case.chosen(given.cases)
    failed = 0
    results = run.run_all(chosen, with_peer=given.peer, jobs=given.jobs, keep=given.keep)
    for result in results:
        print(run.line(result), flush=True)
        for failure in result.failures:
            print("       " + failure.replace("\n", "\n       "), flush=True)
        failed += bool(result.failures)
    print(f"{len(chosen) - failed} of {len(chosen)} cases hold")
    return 1 if failed else 0
