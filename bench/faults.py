"""All that can be done to a conversion, counted: writes the table of docs/reliability.md.

    python bench/faults.py [--kills 500] [--rounds 100]     (make faults)

Runs the campaigns of kill_resume.py and races.py and the tests of faults, and replaces the table in
docs/reliability.md. Exit status 1, and no table, when anything went wrong.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

import kill_resume
import races
from support import SMALL, Llama, convert, write_checkpoint, write_table

ROOT = Path(__file__).parents[1]
# Large enough that copying takes about as long as starting.
LARGE = Llama(layers=8, width=1024, hidden=4096, vocabulary=32768)
PAGE = ROOT / "docs" / "reliability.md"
TESTS = {
    "test_faults.py": "full disks, limits, failing devices, signals, lost workers, closed streams",
    "test_outputs.py": "outputs and side files that are no files of ours; the lock",
    "test_sources.py": "sources that change, shrink or are exchanged",
    "test_pipes.py": "workers that die, stop or fail",
    "test_safe_path.py": "modules planted in the current folder, the model's and PYTHONPATH",
    "test_cluster.py": "clusters: killed workers and coordinators, other versions",
}


def tests() -> dict[str, int]:
    """Run the tests of faults; return how many passed by file.

    Raises:
        SystemExit: one failed.
    """
    files = [path for name in TESTS for path in (ROOT / "tests").rglob(name)]
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.xml"
        command = [sys.executable, "-m", "pytest", "-q", *map(str, files), f"--junitxml={record}"]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            raise SystemExit("a test of faults failed")
        cases = ET.parse(record).iter("testcase")  # noqa: S314 - pytest has just written it
        passed = [case for case in cases if case.find("skipped") is None]
    names = {name: name.removesuffix(".py") for name in TESTS}
    return {
        name: sum(stem in case.attrib["classname"].split(".") for case in passed)
        for name, stem in names.items()
    }


def kills(what: str, killed: kill_resume.Campaign) -> str:
    """Return the row of one campaign of kills."""
    names = {"group": "all processes", "parent": "the parent", "worker": "a worker"}
    spread = ", ".join(f"{count} to {names[target]}" for target, count in killed.counts().items())
    count = len(killed.rounds)
    return (
        f"| SIGKILL at a random moment of {what}: {spread} | {count} | the same SHA-256 in "
        f"{count - killed.wrong}; {killed.resumed} went on with what was done |"
    )


def table(
    passed: dict[str, int],
    killed: kill_resume.Campaign,
    copies: kill_resume.Campaign,
    raced: races.Campaign,
) -> str:
    """Return the table."""
    rows = [
        "| what was done | how often | outcome |",
        "|---|---|---|",
        kills("quantizing", killed),
        kills("copying BF16", copies),
        (
            f"| two or three conversions to one output | {raced.rounds} | {raced.harmed} files "
            f"harmed, {raced.tracebacks} tracebacks, {raced.left_over} with files left over |"
        ),
        *(f"| {what} | {passed[name]} | all as promised |" for name, what in TESTS.items()),
    ]
    return "\n".join(rows) + "\n"


def main() -> int:
    """Run everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    passed = tests()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "races").mkdir()
        raced = races.campaign(folder / "races", options.rounds, seed=1)
        model, output = write_checkpoint(folder / "small", SMALL), folder / "out.gguf"
        command = convert(model, "Q4_K_M", output, "--jobs", 2, "--chunk-weights", 1 << 16)
        killed = kill_resume.campaign(command, output, options.kills, seed=1)
        large = write_checkpoint(folder / "large", LARGE)
        command = convert(large, "BF16", output, "--jobs", 2, "--chunk-weights", 1 << 16)
        most = options.kills // 5
        copies = kill_resume.campaign(command, output, most, 2, targets=("group", "parent"))
    print(table(passed, killed, copies, raced))
    lost = killed.wrong or copies.wrong
    if lost or len(killed.rounds) + len(copies.rounds) < options.kills + most or not raced.good:
        return 1
    write_table(PAGE, "faults", table(passed, killed, copies, raced))
    return 0


if __name__ == "__main__":
    sys.exit(main())
