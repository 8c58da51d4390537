"""Compare the bytes that every codec writes on aarch64 with those written on this machine.

    python scripts/aarch64_bytes.py [--folder build/aarch64] [--blocks 200]

Takes qemu-user and an aarch64 Python from Debian 12's archive and numpy's aarch64 wheel from PyPI,
and unpacks all of it in the folder: nothing is installed and no root is needed, only apt-get and
dpkg. Then, here and with the emulated Python, it encodes the values of tests/golden and runs
bench/codec_fuzz.py, on aarch64 with numpy's code for the newest processors and without it. Exit
status 1 when a digest differs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
PYTHON = "3.11"  # Debian 12's
EMULATOR = "qemu-user-static"
LIBRARIES = ("libc6", "zlib1g", "libexpat1", "libgcc-s1", "libstdc++6", "libffi8", "libssl3")
PARTS = (f"python{PYTHON}-minimal", f"libpython{PYTHON}-minimal", f"libpython{PYTHON}-stdlib")
WHEELS = (f"numpy=={np.__version__}", "gguf", "ml_dtypes")
PLATFORMS = ("manylinux_2_17_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64")
VARIABLE = "NPY_DISABLE_CPU_FEATURES"
NEWEST = "ASIMDHP ASIMDDP ASIMDFHM SVE"
DIGITS = 64

# Digests of the values that tests/golden is made of.
SAMPLES = """
import freeze_codecs
from quantcli import codec
for name in codec.names():
    for effort in codec.EFFORTS:
        print(name, effort, freeze_codecs.digest(name, effort))
"""


def download(folder: Path) -> None:
    """Fetch Debian's packages and PyPI's wheels into `folder`."""
    debs, wheels = folder / "debs", folder / "wheels"
    for part in (debs, wheels, folder / "lists" / "partial", folder / "archives" / "partial"):
        part.mkdir(parents=True, exist_ok=True)
    host = _output("dpkg", "--print-architecture")
    settings = {
        "APT::Architecture": host,
        "APT::Architectures::": "arm64",
        "APT::Sandbox::User": "root",
        "Dir::State::lists": str(folder / "lists"),
        "Dir::Cache": str(folder),
    }
    config = folder / "apt.conf"
    lines = [f'APT::Architectures {{"{host}";}};', *(f'{k} "{v}";' for k, v in settings.items())]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    environment = {**os.environ, "APT_CONFIG": str(config)}
    _run("apt-get", "--quiet", "update", environment=environment)
    packages = [EMULATOR, *(f"{name}:arm64" for name in (*LIBRARIES, *PARTS))]
    _run("apt-get", "--quiet", "download", *packages, environment=environment, folder=debs)
    platforms = [f"--platform={name}" for name in PLATFORMS]
    options = ["--no-deps", "--only-binary=:all:", f"--python-version={PYTHON}", *platforms]
    pip = (sys.executable, "-m", "pip", "--quiet", "download", *options)
    _run(*pip, f"--dest={wheels}", *WHEELS)


def unpack(folder: Path) -> None:
    """Unpack what was downloaded: the emulator, a system for it, and the wheels."""
    for package in (folder / "debs").glob("*.deb"):
        target = folder / ("emulator" if package.name.startswith(EMULATOR) else "system")
        _run("dpkg", "-x", str(package), str(target))
    for wheel in (folder / "wheels").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "site")


def emulated(folder: Path) -> list[str]:
    """Return the command that starts the aarch64 Python."""
    system = folder / "system"
    qemu = folder / "emulator" / "usr" / "bin" / "qemu-aarch64-static"
    python = system / "usr" / "bin" / f"python{PYTHON}"
    return [str(qemu), "-L", str(system), str(python)]


def digests(python: list[str], program: list[str], **variables: str) -> dict[str, str]:
    """Run a program and return the last word of its lines by type and effort."""
    lines = [line.split() for line in _output(*python, *program, **variables).splitlines()]
    found = {f"{words[0]} {words[1]}": words[-1] for words in lines if len(words[-1]) == DIGITS}
    print(f"{Path(python[0]).name} {variables.get(VARIABLE, '')}: {len(found)} digests", flush=True)
    return found


def compare(folder: Path, blocks: int) -> list[str]:
    """Return the types and efforts whose bytes differ, and on which values."""
    fuzz = [str(ROOT / "bench" / "codec_fuzz.py"), "--blocks", str(blocks)]
    different = []
    for values, program in {"samples": ["-c", SAMPLES], "fuzz": fuzz}.items():
        here = digests([sys.executable], program, PYTHONPATH=_path())
        for disabled in ("", NEWEST):
            variables = {"PYTHONPATH": _path(folder / "site"), VARIABLE: disabled}
            found = digests(emulated(folder), program, **variables)
            different += [f"{name} ({values})" for name in here if found.get(name) != here[name]]
    return different


def _path(*first: Path) -> str:
    return os.pathsep.join(map(str, (*first, ROOT, ROOT / "scripts")))


def _run(*call: str, environment: dict[str, str] | None = None, folder: Path | None = None) -> None:
    subprocess.run(call, check=True, env=environment, cwd=folder)


def _output(*call: str, **variables: str) -> str:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    done = subprocess.run(call, check=False, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout}{' '.join(call)} ended with {done.returncode}")
    return done.stdout.strip()


def main() -> int:
    """Fetch what is missing, compare, and say what differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "aarch64")
    parser.add_argument("--blocks", type=int, default=200)
    options = parser.parse_args()
    folder = options.folder.resolve()
    if not (folder / "site").exists():
        download(folder)
        unpack(folder)
    different = compare(folder, options.blocks)
    print("\n".join(different) or "the same bytes")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
