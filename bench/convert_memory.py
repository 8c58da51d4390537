"""Peak memory of a conversion whose checkpoint holds one 2 GiB tensor.

    python bench/convert_memory.py [MODEL] [--type Q4_K_M] [--jobs 2] [--limit 350] [--folder DIR]
                                   [--chunk-weights N]

Without MODEL a checkpoint with a token embedding of 65,536 x 16,384 BF16 weights is written first
(2 GiB of disk). The command runs while /proc/PID/smaps of all its processes is read about 30 times
a second. Two sums over the processes are kept at their peak:

    resident   Rss of every mapping except those of the checkpoint's own .safetensors files, so
               interpreter, libraries (once a process) and heap all count
    private    RssAnon + RssShmem of /proc/PID/status: without files of any kind

Exit status 1 when `resident` reaches --limit (MB, 10^6 bytes).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from support import Llama, convert, write_checkpoint

LARGE = Llama(layers=1, width=16384, hidden=512, vocabulary=65536)
PROC = Path("/proc")


def family(pid: int) -> list[int]:
    """Return the process and all its descendants that still live."""
    found = [pid]
    for parent in found:
        with suppress(OSError):
            for thread in (PROC / str(parent) / "task").iterdir():
                found += map(int, (thread / "children").read_text().split())
    return found


def resident(pid: int) -> int:
    """Return the bytes of all resident pages but those of mapped .safetensors files."""
    total, counted = 0, True
    with suppress(OSError):
        for line in (PROC / str(pid) / "smaps").read_text().splitlines():
            key, _, rest = line.partition(" ")
            if "-" in key:
                counted = not line.endswith(".safetensors")
            elif key == "Rss:" and counted:
                total += 1024 * int(rest.split()[0])
    return total


def private(pid: int) -> int:
    """Return the bytes of the process's anonymous and shared memory."""
    total = 0
    with suppress(OSError):
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                total += 1024 * int(line.split()[1])
    return total


def watch(process: subprocess.Popen[bytes]) -> tuple[int, int, int]:
    """Return the peaks of resident and private bytes and the number of samples."""
    peaks, samples = [0, 0], 0
    while process.poll() is None:
        pids = family(process.pid)
        peaks[0] = max(peaks[0], sum(map(resident, pids)))
        peaks[1] = max(peaks[1], sum(map(private, pids)))
        samples += 1
        time.sleep(0.03)
    return peaks[0], peaks[1], samples


def main() -> int:
    """Convert under observation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--type", default="Q4_K_M")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--chunk-weights", type=int, default=1 << 20)
    parser.add_argument("--limit", type=float, default=350.0, help="MB")
    parser.add_argument("--folder", type=Path, help="where files go; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        model = options.model or write_checkpoint(folder / "large", LARGE)
        chunks = ("--chunk-weights", options.chunk_weights)
        command = convert(model, options.type, folder / "out.gguf", "--jobs", options.jobs, *chunks)
        start = time.monotonic()
        process = subprocess.Popen(command)
        whole, own, samples = watch(process)
        seconds = time.monotonic() - start
    if process.returncode:
        return process.returncode
    print(f"{options.type} --jobs {options.jobs}: {seconds:.1f} s, {samples} samples")
    print(f"peak resident, mapped input aside: {whole / 1e6:7.1f} MB (limit {options.limit:g})")
    print(f"peak private (anonymous + shmem):  {own / 1e6:7.1f} MB")
    return 0 if whole < 1e6 * options.limit else 1


if __name__ == "__main__":
    sys.exit(main())
