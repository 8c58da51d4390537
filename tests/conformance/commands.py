"""The commands of scripts/conformance.py."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance import case, frozen, peer, run, runtime


def main(arguments: list[str]) -> int:
    """Carry out the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="conformance.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run cases and print what differs")
    running.add_argument("--peer", action=argparse.BooleanOptionalAction, default=True)
    freezing = commands.add_parser("freeze", help="run cases and keep what they gave for the tests")
    showing = commands.add_parser("show", help="print the checkpoint of cases: config and tensors")
    for command in (running, freezing, showing):
        command.add_argument("cases", nargs="*", metavar="ARCH[/CASE]")
        command.add_argument("--jobs", type=int, default=1, help="cases at work at a time")
        command.add_argument("--keep", type=Path, help="folder that keeps checkpoints and files")
    commands.add_parser("report", help="write docs/conformance.md from what is frozen")
    zoo = commands.add_parser("zoo", help="try every text class of transformers, tiny")
    zoo.add_argument("classes", nargs="*", metavar="CLASS")
    zoo.add_argument(
        "--known",
        action="store_true",
        help="only classes that llama.cpp's converter or quantcli names",
    )
    zoo.add_argument("--keep", type=Path, help="folder that keeps checkpoints and files")
    varying = commands.add_parser("vary", help="change every field of cases, look for silence")
    varying.add_argument("cases", nargs="*", metavar="ARCH[/CASE]")
    varying.add_argument("--all", action="store_true", help="also print what is as it should be")
    given = parser.parse_args(arguments)
    carry_out = {"run": _run, "freeze": _freeze, "show": _show, "zoo": _zoo, "report": _report}
    carry_out["vary"] = _vary
    return carry_out[given.command](given)


def _results(given: argparse.Namespace, *, with_peer: bool) -> list[run.Result]:
    """Run the cases asked for and print a line for each, and what fails below."""
    chosen = case.chosen(given.cases)
    results = []
    for result in run.run_all(chosen, with_peer=with_peer, jobs=given.jobs, keep=given.keep):
        print(run.line(result), flush=True)
        for failure in result.failures:
            print("       " + failure.replace("\n", "\n       "), flush=True)
        results.append(result)
    good = sum(not result.failures for result in results)
    print(f"{good} of {len(results)} cases hold")
    return results


def _run(given: argparse.Namespace) -> int:
    return int(any(result.failures for result in _results(given, with_peer=given.peer)))


def _freeze(given: argparse.Namespace) -> int:
    """Run the cases of whole architectures and write the fixture of each that holds."""
    given.cases = list(dict.fromkeys(name.partition("/")[0] for name in given.cases))
    results = _results(given, with_peer=True)
    versions = _versions()
    failed = False
    for arch in dict.fromkeys(result.arch for result in results):
        mine = [result for result in results if result.arch == arch]
        if any(result.failures for result in mine):
            print(f"{arch}: not frozen, as some case fails")
            failed = True
            continue
        records = {result.case.name: _record(result) for result in mine}
        path = frozen.write(arch, versions, records)
        print(f"{arch}: {len(records)} cases in {path.name}, {path.stat().st_size} bytes")
    return int(failed)


def _versions() -> Mapping[str, str]:
    import transformers

    return {
        "transformers": transformers.__version__,
        "xllamacpp": runtime.version(),
        "peer": peer.version(),
    }


def _record(result: run.Result) -> dict[str, Any]:
    assert result.made is not None
    said: dict[str, Any] = {"hf": result.case.hf}
    if result.refusal:
        return frozen.record(result.case, result.made, {**said, "refused": result.case.refused})
    for name in ("difference", "rounded"):
        if (value := getattr(result, name)) is not None:
            said[name] = float(f"{value:.1e}")
    if result.tops is not None:
        said["tops"] = list(result.tops)
    if result.peer_error:
        said["peer"] = {"fails": result.peer_error, "why": result.case.peer_fails}
    else:
        off = result.peer_differences
        reasons = result.case.peer_differs
        said["peer"] = {"compared": result.compared, "differ": len(off), "why": dict(reasons)}
        if not result.peer_vocabulary:
            said["peer"]["without"] = "vocabulary"
    if result.case.runtime_wrong:
        said["runtime_wrong"] = result.case.runtime_wrong
    if result.case.noted:
        said["noted"] = result.case.noted
    return frozen.record(result.case, result.made, {**said, **frozen.outcome(result.contents)})


def _show(given: argparse.Namespace) -> int:
    """Print what a table's author needs to see of a checkpoint."""
    import json
    import tempfile

    from conformance import checkpoint

    run.warm_up(set())
    for arch, one in case.chosen(given.cases):
        with tempfile.TemporaryDirectory() as folder:
            made = checkpoint.made(one, Path(folder))
        print(f"{arch}/{one.name}: {one.hf}\n{json.dumps(made.config, indent=1)}")
        for pattern, values in frozen.grouped(made.shapes).items():
            for numbers, shape in values.items():
                print(f"  {pattern:60} {numbers:12} {shape}")
    return 0


def _report(given: argparse.Namespace) -> int:
    from conformance import report

    print(report.write())
    return 0


def _vary(given: argparse.Namespace) -> int:
    from collections import Counter

    from conformance import vary

    counts: Counter[str] = Counter()
    bad = 0
    for finding in vary.search(vary.basic(case.chosen(given.cases))):
        counts[finding.what] += 1
        bad += finding.bad
        if finding.bad or given.all:
            print(vary.line(finding), flush=True)
    print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    return int(bad > 0)


def _zoo(given: argparse.Namespace) -> int:
    from conformance import zoo

    entries = []
    named = given.classes or list(zoo.classes())
    if given.known:
        known = zoo.known()
        named = [name for name in named if name in known]
    for entry in zoo.explore(named, given.keep):
        entries.append(entry)
        print(zoo.line(entry), flush=True)
    made = [entry for entry in entries if not entry.problem]
    right = sum(entry.holds for entry in made)
    print(f"{len(made)} of {len(entries)} classes made tiny; {right} right in llama.cpp")
    return 0
