"""How each architecture was proven: figures of `make conformance`, frozen beside the tables.

proofs.json is written by scripts/make_architecture_docs.py from tests/fixtures/conformance.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("proofs.json")


@dataclass(frozen=True, slots=True)
class Proof:
    """What was shown of one architecture with tiny checkpoints whose weights are all random.

    Attributes:
        cases: checkpoints that were converted.
        logits: cases in which llama.cpp gave transformers' numbers (logits or hidden states).
        difference: the largest difference among these over the largest number.
        converter: cases in which every tensor and key was compared with llama.cpp's converter.
        refusals: settings that were refused by name.
        remarks: why a case has no such comparison, or differs.
    """

    cases: int
    logits: int
    difference: float | None
    converter: int
    refusals: int
    remarks: tuple[str, ...]


@cache
def _record() -> dict[str, Any]:
    record: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return record


def forget() -> None:
    """Read the file again when it is next asked for."""
    _record.cache_clear()


def versions() -> dict[str, str]:
    """Return the programs that the proofs were made with, and their versions."""
    return dict(_record()["versions"])


def proof(arch: str) -> Proof | None:
    """Return how the architecture of this GGUF name was proven, None when it was not."""
    found = _record()["architectures"].get(arch)
    return None if found is None else Proof(**{**found, "remarks": tuple(found["remarks"])})
