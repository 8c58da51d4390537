"""Write docs/architectures.md and quantcli/arch/proofs.json from the tables and the conformance.

    python scripts/make_architecture_docs.py

The figures are those of tests/fixtures/conformance (`make conformance`); `quantcli archs` shows
them from proofs.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quantcli.app.archs import Arch, archs
from quantcli.arch.proofs import forget

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architectures.md"
PROOFS = ROOT / "quantcli" / "arch" / "proofs.json"
FIXTURES = ROOT / "tests" / "fixtures" / "conformance"

# What the fixtures call the programs, where that needs a word.
_PROGRAMS = {"peer": "the converter of"}

HEAD = """# Architectures

{archs} architectures of llama.cpp, {classes} Hugging Face classes. A model that also sees or hears
is converted by its text part: where the text model's class is here, any model around it is.
`quantcli archs NAME` says the same of one, with the settings that llama.cpp's graph has.

Each was proven with tiny checkpoints whose weights are all random ([conformance.md](conformance.md)
has every case). *Logits*: in how many cases llama.cpp computed from quantcli's file what
transformers computes, and the largest difference over the largest value. *Converter*: in how many
every tensor and key was compared with what llama.cpp's converter writes, bit for bit. *Refused*:
settings that llama.cpp's graph lacks, which are refused by name.

| architecture | what it is | classes | cases | logits | converter | refused |
|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Write both."""
    PROOFS.write_text(proofs(), encoding="utf-8")
    forget()
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.name, PROOFS.name)


def proofs() -> str:
    """Return proofs.json: the figures of the fixtures, one architecture a line."""
    fixtures = {path.stem: json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*.json"))}
    versions: dict[str, str] = {}
    for fixture in fixtures.values():
        versions |= {_PROGRAMS.get(name, name): v for name, v in fixture["versions"].items()}
    by_module = {each.name.replace("-", "_"): each.name for each in archs().architectures}
    lines = [
        f"{json.dumps(by_module[module])}: {json.dumps(_proof(fixture['cases']))}"
        for module, fixture in fixtures.items()
        if module in by_module
    ]
    body = ",\n".join(lines)
    return f'{{"versions": {json.dumps(versions)},\n"architectures": {{\n{body}\n}}}}\n'


def _proof(cases: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sums over an architecture's cases (see `quantcli.arch.proofs.Proof`)."""
    right = [case for case in cases.values() if "runtime_wrong" not in case]
    differences = [case["difference"] for case in right if "difference" in case]
    remarks = {
        f"llama.cpp computes something else in {name}: {case['runtime_wrong']}": None
        for name, case in cases.items()
        if "runtime_wrong" in case
    }
    return {
        "cases": sum("refused" not in case for case in cases.values()),
        "logits": len(differences),
        "difference": max(differences, default=None),
        "converter": sum("compared" in case.get("peer", {}) for case in cases.values()),
        "refusals": sum("refused" in case for case in cases.values()),
        "remarks": list(remarks),
    }


def page() -> str:
    """Return docs/architectures.md."""
    known = archs().architectures
    classes = sum(len(each.classes) for each in known)
    head = HEAD.format(archs=len(known), classes=classes)
    return head + "\n".join(_row(each) for each in known) + "\n"


def _row(arch: Arch) -> str:
    found = arch.proof
    logits = ""
    if found is not None and found.difference is not None:
        logits = f"{found.logits} ({found.difference:.0e})"
    cells = (
        arch.name,
        arch.about.rstrip("."),
        ", ".join(arch.classes),
        str(found.cases) if found else "",
        logits,
        str(found.converter) if found else "",
        str(found.refusals) if found else "",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    main()
