"""Hold every architecture against transformers in a real llama.cpp, and against its converter.

    python scripts/conformance.py run [ARCH or ARCH/CASE ...]   what holds, figures, what differs
    python scripts/conformance.py show ARCH/CASE                a checkpoint's config and tensors
    python scripts/conformance.py freeze [ARCH ...]             keep it for the tests
    python scripts/conformance.py report                        write docs/conformance.md from that
    python scripts/conformance.py vary [ARCH ...]               settings that no table knows
    python scripts/conformance.py zoo [CLASS ...]               every text class of transformers

Runs in an environment with torch and transformers; `make conformance` makes one. The cases are
data in tests/conformance/cases, a module for each architecture; tests/conformance/case.py says
what a case can say. Exit code 1 when anything differs that no case explains.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    # Before numpy and torch are imported: tiny matrices are slower on several threads.
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    # This script is called like the package, which must be found first.
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
    sys.exit(importlib.import_module("conformance.commands").main(sys.argv[1:]))
