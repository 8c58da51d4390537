"""Freeze the bytes that every codec writes, one small file per type and effort.

    python scripts/freeze_codecs.py [NAME ...]

Writes tests/golden/codec/NAME.EFFORT.sha: the SHA-256 of the encoded sample values without and
with column importance. Run it only after a change of an encoder that is meant to change files,
and say so in the changelog: the same model no longer gives the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import sys
from pathlib import Path

import numpy as np

from quantcli import codec

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

GOLDEN = ROOT / "tests" / "golden" / "codec"


def digest(name: str, effort: str) -> str:
    """SHA-256 of the blocks of fixed values: without importance, then with it."""
    samples = importlib.import_module("samples")
    x, weight = samples.tails(24, 768, 1), samples.importance(768, 2)
    uniform = np.ones(768, np.float32)
    kind = codec.get(name)
    plain = kind.encode_rows(x, uniform if kind.needs_importance else None, effort=effort)
    weighted = kind.encode_rows(x, weight, effort=effort)
    return hashlib.sha256(plain.tobytes() + weighted.tobytes()).hexdigest()


def main() -> None:
    """Write the digests of the types named, or of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", default=codec.names())
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in parser.parse_args().names:
        for effort in codec.EFFORTS:
            target = GOLDEN / f"{codec.get(name).name}.{effort}.sha"
            text = digest(name, effort) + "\n"
            if not target.exists() or target.read_text() != text:
                print(f"{target.relative_to(ROOT)} changed")
            target.write_text(text)


if __name__ == "__main__":
    main()
